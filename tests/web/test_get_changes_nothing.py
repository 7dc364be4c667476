"""Link previews and scanners open every URL they see: a GET leaves every table as it was (f43)."""

import pytest

from tests.kit.clock import FakeClock
from tests.web.planting import IN_DOUBT, plant
from tests.web.site import ASKS_ISSUER, DECLINES_ALWAYS, Payer, Site


async def test_f43_opening_the_pages_of_a_payment_changes_nothing(site: Site, clock: FakeClock) -> None:
    untouched, proven, confirmed = await site.payer(1), await site.payer(2), await site.payer(3)
    declined, challenged, paid = await site.payer(4), await site.payer(5), await site.payer(6)
    payers = (untouched, proven, confirmed, declined, challenged, paid)
    browsers = [
        await site.open(untouched),
        await site.prove(proven),
        await site.to_confirmation(confirmed),
        await site.pay(declined, DECLINES_ALWAYS),
        await site.pay(challenged, ASKS_ISSUER),
        await site.pay(paid),
    ]
    before = await site.dump()

    for at in ("2026-11-10T10:30", "2026-11-21T00:00"):
        clock.go_to(at)
        for browser, payer in zip(browsers, payers, strict=True):
            for path in _paths(payer):
                await browser.open(f"{site.base}{path}")
                assert browser.status in {200, 403}

    assert await site.dump() == before


@pytest.mark.leaves_violations("the contradiction is planted")
async def test_f43_opening_the_pages_of_an_amount_in_doubt_changes_nothing(site: Site) -> None:
    payer = await site.payer(1)
    browser = await site.to_confirmation(payer)
    await plant(site, "UPDATE bill SET amount = amount + 1")
    before = await site.dump()

    for path in _paths(payer):
        await browser.open(f"{site.base}{path}")
        assert IN_DOUBT in browser.text

    assert await site.dump() == before


async def test_f43_opening_the_forms_changes_nothing(site: Site) -> None:
    await site.payer()
    before = await site.dump()
    browser = site.browser()

    for path in ("/apply", "/apply/received", f"/apply/{'0' * 32}", "/link/unknown", f"/link/unknown/{'0' * 32}"):
        await browser.open(f"{site.base}{path}")

    assert await site.dump() == before


def _paths(payer: Payer) -> list[str]:
    order = payer.order_number
    return [f"/p/{payer.token}", *(f"/pay/{order}/{page}" for page in ("entry", "confirm", "done"))]
