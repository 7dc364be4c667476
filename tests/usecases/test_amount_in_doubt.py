"""A contradiction between the look at a page and the claim is caught by the claim (money.md, invariant 6)."""

import pytest
from sqlalchemy import text

from backend.domain.payment_page import PageState
from backend.usecases.open_payment_requests import open_payment_requests
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of


@pytest.mark.leaves_violations("the contradiction is planted")
async def test_a_claim_whose_bills_no_longer_sum_up_is_not_made_and_nothing_is_charged(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    payer = await session_of(ledger, await payer_with_card(ledger))
    async with ledger.services.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("UPDATE bill SET amount = amount + 1"))

    page = await press(ledger, payer)

    assert payer.page.state(now=clock.now()) is PageState.PAYABLE
    assert page.state(now=clock.now()) is PageState.AMOUNT_IN_DOUBT
    assert await ledger.rows("SELECT id FROM payment_attempt") == []
    assert await ledger.rows("SELECT kind FROM staff_task") == [("amount_in_doubt",)]
