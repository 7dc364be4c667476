"""An amount that its bills contradict is never charged: the page refuses, people are told (money.md, invariant 6)."""

import pytest
from sqlalchemy import text

from tests.web.site import PAY, Payer, Site

IN_DOUBT = "ご請求金額を確認中です"
TASKS = "SELECT kind, detail->>'order_number' FROM staff_task"
CONTRADICTIONS = (
    "UPDATE bill SET amount = amount + 1",
    "UPDATE bill SET state = 'carried_over'",
    "UPDATE payment_request_bill SET is_live = false",
    "DELETE FROM payment_request_bill WHERE bill_id = (SELECT max(id) FROM bill)",
)


async def plant(site: Site, contradiction: str) -> None:
    """Write past the guards, as nothing of ours does."""
    async with site.services.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(contradiction))


@pytest.fixture
async def payer(site: Site) -> Payer:
    return await site.payer(1, ("2026-10", 7_000), ("2026-11", 7_480))


@pytest.mark.leaves_violations("the contradiction is planted")
@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
async def test_a_page_whose_amount_is_not_the_sum_of_its_unpaid_bills_refuses_and_calls_people_once(
    site: Site, payer: Payer, contradiction: str
) -> None:
    await plant(site, contradiction)

    first, again = await site.open(payer), await site.open(payer)

    assert IN_DOUBT in first.text
    assert "請求は行われていません" in again.text
    assert "14,480" not in first.text
    assert await site.ledger.rows(TASKS) == [("amount_in_doubt", payer.order_number)]


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
