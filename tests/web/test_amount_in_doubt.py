"""An amount that its bills contradict is never charged: the page refuses, people are told (money.md, invariant 6)."""

import pytest

from backend.usecases.verify_ledger import verify_ledger
from tests.web.planting import IN_DOUBT, plant
from tests.web.site import PAY, Payer, Site

TASKS = "SELECT kind, detail->>'order_number' FROM staff_task"
CONTRADICTIONS = (
    "UPDATE bill SET amount = amount + 1",
    "UPDATE bill SET state = 'carried_over'",
    "UPDATE payment_request_bill SET is_live = false",
    "DELETE FROM payment_request_bill WHERE bill_id = (SELECT max(id) FROM bill)",
)


@pytest.fixture
async def payer(site: Site) -> Payer:
    return await site.payer(1, ("2026-10", 7_000), ("2026-11", 7_480))


@pytest.mark.leaves_violations("the contradiction is planted")
@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
async def test_a_page_whose_amount_is_not_the_sum_of_its_unpaid_bills_refuses_and_verify_calls_people(
    site: Site, payer: Payer, contradiction: str
) -> None:
    await plant(site, contradiction)

    page = await site.open(payer)
    told_by_looking = await site.ledger.rows(TASKS)
    await verify_ledger(site.services.engine, now=site.services.clock.now())

    assert IN_DOUBT in page.text
    assert "請求は行われていません" in page.text
    assert "14,480" not in page.text
    assert told_by_looking == []
    assert ("invariant_broken", None) in await site.ledger.rows(TASKS)


@pytest.mark.leaves_violations("the contradiction is planted")
@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
async def test_a_press_on_an_amount_that_its_bills_contradict_charges_nothing(
    site: Site, payer: Payer, contradiction: str
) -> None:
    browser = await site.to_confirmation(payer)
    await plant(site, contradiction)

    await browser.press(PAY)

    assert IN_DOUBT in browser.text
    assert await site.charges() == []
    assert await site.ledger.rows(TASKS) == [("amount_in_doubt", payer.order_number)]
