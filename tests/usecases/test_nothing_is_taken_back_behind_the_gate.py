"""What a restored database holds for unsent may have been charged: it is not taken back before that is known (f68)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backend.domain.receipt_refusal import ReceiptRefusalCode
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.reconcile import reconcile
from backend.usecases.reopen_gate import open_gate
from backend.usecases.request_card_change import request_card_change
from backend.usecases.restore_gate import check_gate
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.restores import backup_of
from tests.usecases.receipts import number, record
from tests.usecases.test_restore_gate import charge_everything, restored, taken, with_card

STATES = "SELECT state FROM payment_attempt ORDER BY created_at"
LISTED = "SELECT kind, is_blocking FROM reconciliation_exception WHERE resolved_at IS NULL"


async def apply_for_another_card(ledger: Ledger) -> None:
    await request_card_change(ledger.services, account_id=1, now=ledger.services.clock.now())


async def let_the_month_end(ledger: Ledger) -> None:
    clock = ledger.services.clock
    assert isinstance(clock, FakeClock)
    clock.go_to("2026-11-21T00:00")
    await expire_payment_requests(ledger.services, now=clock.now())


@pytest.mark.parametrize("happens", [apply_for_another_card, let_the_month_end])
async def test_f68_a_charge_of_the_lost_time_is_booked_whatever_happened_behind_the_gate(
    ledger: Ledger,
    clock: FakeClock,
    postgres: tuple[str, str],
    engine: Any,
    *,
    gateway_emulator: str,
    happens: Callable[[Ledger], Awaitable[None]],
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_everything(ledger)
        clock.forward(minutes=20)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            await happens(after)
            behind = await after.rows(STATES)
            opening = await open_gate(after.services, by="sato", now=clock.now())
            await charge_everything(after)

            assert behind == [("prepared",)]
            assert opening.is_open, opening.gap.unexplained
            assert await after.rows("SELECT state FROM bill") == [("paid",)]
            assert await taken(gateway_emulator) == [1000]


async def test_f68_a_receipt_does_not_take_the_place_of_a_charge_that_may_have_been_sent(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_everything(ledger)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())

            refused = await record(after, number(1), amount=1000)

            assert isinstance(refused, ReceiptRefusalCode)
            assert await after.rows(STATES) == [("prepared",)]
            assert await after.rows("SELECT count(*) FROM receipt") == [(0,)]


@pytest.mark.leaves_violations("the gateway holds money for a charge that was taken back, on purpose")
async def test_money_for_a_charge_that_was_taken_back_stops_its_account_at_once(
    ledger: Ledger, clock: FakeClock
) -> None:
    await with_card(ledger, 1, amount=1000)
    await open_payment_requests(ledger.services, now=clock.now())
    await charge_due(ledger.services, now=clock.now())
    await ledger.forget(
        "DELETE FROM bill_claim",
        "DELETE FROM payment_evidence",
        "UPDATE bill SET state = 'requested'",
        "UPDATE payment_attempt SET state = 'withdrawn'",
        "UPDATE payment_request SET state = 'open'",
    )

    await reconcile(ledger.services, now=clock.forward(minutes=10))

    assert await ledger.rows(LISTED) == [("state_differs", True)]
    assert await ledger.rows("SELECT reason FROM charging_stop") == [("restore_gate",)]
