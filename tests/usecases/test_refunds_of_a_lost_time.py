"""A refund that was sent after the backup is never sent again from the restored rows, whatever they say (f68)."""

from typing import Any

import pytest

from backend.domain.states import RefundState
from backend.usecases.reconcile import reconcile
from backend.usecases.refund_payment import RefundTaken, approve_refund, withdraw_refund
from backend.usecases.reopen_gate import open_gate
from backend.usecases.restore_gate import ClosedBecause, check_gate, find_closed_gate
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.restores import backup_of
from tests.usecases.refunds import APPROVER, ASKER, STATES, TASKS, approved, asked, given_back, paid_bill, told, work
from tests.usecases.test_restore_gate import restored

STORY = "SELECT state, amount, approved_by, first_sent_at FROM refund"


async def test_f68_a_refund_that_the_backup_holds_for_not_yet_sent_is_booked_and_not_sent_again(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=3000)
    async with backup_of(engine, server=postgres[0]) as url:
        await work(ledger)
        clock.forward(days=2)  # the gateway has forgotten the key by now
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            opening = await open_gate(after.services, by="sato", now=clock.now())
            await work(after)

            assert opening.is_open, opening.gap.unexplained
            assert await given_back(gateway_emulator) == [3000]
            assert await after.rows(STORY) == [("succeeded", 3000, APPROVER, None)]
            assert ("late_refund",) in await after.rows(TASKS)


async def test_f68_a_refund_that_the_backup_holds_for_not_yet_approved_cannot_be_approved_a_second_time(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    paid = await paid_bill(ledger, clock)
    refund = await asked(ledger, paid.transaction_id, amount=3000)
    async with backup_of(engine, server=postgres[0]) as url:
        await approve_refund(ledger.services, refund_id=refund, by=APPROVER, now=clock.now())
        await work(ledger)
        clock.forward(days=2)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            opening = await open_gate(after.services, by="sato", now=clock.now())
            answer = await approve_refund(after.services, refund_id=refund, by=APPROVER, now=clock.now())
            await work(after)

            assert opening.is_open, opening.gap.unexplained
            assert answer == RefundTaken(refund_id=refund, state=RefundState.SUCCEEDED, is_new=False)
            assert await given_back(gateway_emulator) == [3000]
            assert await after.rows(STORY) == [("succeeded", 3000, None, None)]


async def test_f68_a_refund_that_was_withdrawn_behind_the_gate_is_booked_all_the_same(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    await check_gate(ledger.services, now=clock.now())
    paid = await paid_bill(ledger, clock)
    refund = await approved(ledger, paid.transaction_id)
    async with backup_of(engine, server=postgres[0]) as url:
        await work(ledger)
        clock.forward(days=2)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            await withdraw_refund(after.services, refund_id=refund, by=ASKER, now=clock.now())
            opening = await open_gate(after.services, by="sato", now=clock.now())

            assert opening.is_open, opening.gap.unexplained
            assert await after.rows(STATES) == [("succeeded",)]
            assert await after.rows("SELECT state FROM bill") == [("refunded",)]


async def test_a_refund_of_the_lost_time_is_most_likely_told_and_told_by_nobody_again(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    await check_gate(ledger.services, now=clock.now())
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=3000)
    async with backup_of(engine, server=postgres[0]) as url:
        await work(ledger)
        clock.forward(days=2)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            await open_gate(after.services, by="sato", now=clock.now())

            news = "SELECT channel, state, failure FROM notice WHERE kind = 'refunded'"
            assert await after.rows(news) == [("sms", "unknown", "restored")]


@pytest.mark.parametrize("is_in_the_backup", [True, False])
async def test_a_disk_rolled_back_before_a_refund_is_noticed_by_the_gateways_list(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, *, is_in_the_backup: bool
) -> None:
    paid = await paid_bill(ledger, clock)
    if is_in_the_backup:
        await approved(ledger, paid.transaction_id, amount=3000)
    async with backup_of(engine, server=postgres[0]) as url:
        if not is_in_the_backup:
            await approved(ledger, paid.transaction_id, amount=3000)
        await work(ledger)
        async with restored(ledger, url) as after:
            gate = await check_gate(after.services, now=clock.forward(hours=1))

            assert gate is not None
            assert gate.because is ClosedBecause.GATEWAY_IS_NEWER


async def test_a_refund_of_the_lost_time_is_noticed_in_the_copied_books_too(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=3000)
    async with backup_of(engine, server=postgres[0]) as url:
        await work(ledger)
        clock.forward(hours=1)
        async with restored(ledger, url) as after:
            await reconcile(after.services, now=clock.now())

            gate = await find_closed_gate(after.services)
            assert gate is not None
            assert gate.because is ClosedBecause.GATEWAY_IS_NEWER


async def test_f68_an_old_approval_is_looked_for_before_it_is_sent(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=3000)
    async with backup_of(engine, server=postgres[0]) as url:
        await work(ledger)
        clock.forward(days=2)
        async with restored(ledger, url) as after:  # nobody has asked the gateway yet: the gate is open
            await work(after)

            assert await given_back(gateway_emulator) == [3000]
            assert await after.rows(STATES) == [("succeeded",)]


async def test_what_waited_long_for_its_second_person_is_sent_once(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    refund = await asked(ledger, paid.transaction_id)
    await approve_refund(ledger.services, refund_id=refund, by=APPROVER, now=clock.forward(days=3))
    rule = {"path": "/v1/refunds", "method": "GET", "kind": "500_before", "times": 1}
    await told(gateway_emulator, "faults", {"rules": [rule]})

    await work(ledger)
    not_sent = await given_back(gateway_emulator)
    clock.forward(minutes=2)
    await ledger.change("UPDATE refund SET lease_until = NULL")
    await work(ledger)

    assert not_sent == []
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(STATES) == [("succeeded",)]
