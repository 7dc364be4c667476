"""While all charging is stopped, the payer reads so at every door, nothing is charged, and the URL stays good."""

import pytest

from backend.domain.states import StopReason, StopScope
from backend.usecases.brake import lift_brake, pull_brake
from tests.web.site import CONSENT, PAY, Payer, Site


async def stop(site: Site, scope: StopScope = StopScope.ALL) -> None:
    services = site.services
    await pull_brake(services.engine, scope=scope, by="Sato", note="a look", now=services.clock.now())


async def lift(site: Site) -> None:
    services = site.services
    await lift_brake(services.engine, reason=StopReason.STAFF, by="Sato", note="fine", now=services.clock.now())


@pytest.fixture
async def payer(site: Site) -> Payer:
    return await site.payer()


async def test_who_opens_the_url_reads_that_payment_is_paused_and_until_when_it_is_good(
    site: Site, payer: Payer
) -> None:
    await stop(site)

    browser = await site.open(payer)

    assert "お支払いの受付を一時止めています" in browser.text
    assert "請求は行われていません" in browser.text
    assert "2026年11月20日（金）まで" in browser.text
    assert CONSENT not in browser.text


async def test_who_presses_under_a_stop_reads_it_too_and_pays_when_it_is_over(site: Site, payer: Payer) -> None:
    browser = await site.to_confirmation(payer)
    await stop(site)

    await browser.press(PAY)
    paused, taken = browser.text, await site.charges()
    await lift(site)
    await site.type_card(await site.prove(payer))
    again = await site.pay(payer)

    assert "お支払いの受付を一時止めています" in paused
    assert taken == []
    assert "お支払いが完了しました" in again.text or "お支払いは完了しています" in again.text
    assert [charge["status"] for charge in await site.charges()] == ["succeeded"]


async def test_a_stop_of_automatic_charges_changes_nothing_for_a_payer(site: Site, payer: Payer) -> None:
    await stop(site, StopScope.AUTOMATIC)

    await site.pay(payer)

    assert [charge["status"] for charge in await site.charges()] == ["succeeded"]
