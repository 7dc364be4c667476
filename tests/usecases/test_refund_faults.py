"""Refunds while the gateway is away, slow or silent, and while processes die: never lost, never made twice (f1-f4)."""

import asyncio
from uuid import UUID

import pytest

from backend.domain.retry_schedule import REPLAY_WITHIN
from backend.ports import RefundRefused, Unknown
from backend.store import refund_outcomes
from backend.store.engine import transaction
from backend.usecases.record_refund import record_refund
from backend.usecases.send_refunds import resolve_due_refunds, send_due_refunds
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.refunds import (
    REFUND_NOTICES,
    STATES,
    TASKS,
    approved,
    given_back,
    paid_bill,
    told,
    work,
)

REFUNDS = "/v1/refunds"
END_LEASES = "UPDATE refund SET lease_until = now() - interval '1 second'"


async def faults(emulator: str, *kinds: str, times: int | None = None, lag: float = 0) -> None:
    rules = [{"path": REFUNDS, "method": "POST", "kind": kind, "times": times} for kind in kinds]
    await told(emulator, "faults", {"rules": rules, "list_lag_seconds": lag})


@pytest.mark.parametrize("kind", ["drop_before", "500_before", "drop_after", "500_after"])
async def test_a_lost_answer_is_unknown_and_found_out(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, kind: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await faults(gateway_emulator, kind, times=1)
    await send_due_refunds(ledger.services, now=clock.now())
    unknown = await ledger.rows(STATES)
    notices = await ledger.rows(REFUND_NOTICES)

    clock.forward(minutes=2)
    await work(ledger)

    assert (unknown, notices) == ([("unknown",)], [])
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(STATES) == [("succeeded",)]
    assert await ledger.rows(REFUND_NOTICES) == [("8432",)]


async def test_a_lagging_list_makes_no_second_refund(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=100)
    await faults(gateway_emulator, "drop_after", times=1, lag=600)
    await send_due_refunds(ledger.services, now=clock.now())

    clock.forward(minutes=2)
    await work(ledger)

    assert await given_back(gateway_emulator) == [100]
    assert await ledger.rows(STATES) == [("succeeded",)]


async def test_too_many_calls_only_postpone_it(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await faults(gateway_emulator, "429", times=1)
    await work(ledger)
    waiting = await ledger.rows(STATES)

    clock.forward(seconds=60)
    await work(ledger)

    assert waiting == [("prepared",)]
    assert await given_back(gateway_emulator) == [8432]


async def test_a_gateway_that_is_away_for_long_ends_as_a_task_and_still_as_a_refund(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await faults(gateway_emulator, "drop_after", times=1)
    await send_due_refunds(ledger.services, now=clock.now())
    await told(gateway_emulator, "faults", {"rules": [{"path": "*", "kind": "500_before"}]})
    clock.forward(days=2)
    await resolve_due_refunds(ledger.services, now=clock.now())
    tasks = await ledger.rows(TASKS)
    await told(gateway_emulator, "faults", {"rules": []})

    clock.forward(days=1)
    await work(ledger)

    assert tasks == [("refund_unknown",)]
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(STATES) == [("succeeded",)]


async def test_what_never_arrived_is_refused_after_a_day_and_never_sent_with_a_dead_key(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await faults(gateway_emulator, "drop_before", times=1)
    await send_due_refunds(ledger.services, now=clock.now())
    clock.forward(hours=1 + REPLAY_WITHIN.total_seconds() / 3600)
    await resolve_due_refunds(ledger.services, now=clock.now())
    between = await ledger.rows(STATES)

    clock.forward(hours=4)
    await resolve_due_refunds(ledger.services, now=clock.now())

    assert between == [("unknown",)]
    assert await ledger.rows("SELECT state, refusal FROM refund") == [("refused", "not_processed")]
    assert await ledger.rows(TASKS) == [("refund_refused",)]
    assert await given_back(gateway_emulator) == []


async def test_late_evidence_of_money_beats_a_refusal_and_raises_an_alarm(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await approved(ledger, paid.transaction_id)
    await faults(gateway_emulator, "drop_before", times=1)
    await send_due_refunds(ledger.services, now=clock.now())
    clock.forward(hours=25)
    await resolve_due_refunds(ledger.services, now=clock.now())
    outcome = await ledger.services.gateway.refund(refund_id=refund_id, gateway_reference=paid.charge, amount=8432)

    assert not isinstance(outcome, Unknown | RefundRefused)
    await record_refund(ledger.services, refund_id=refund_id, outcome=outcome, now=clock.now())

    assert await ledger.rows("SELECT state, refusal FROM refund") == [("succeeded", None)]
    assert await ledger.rows(TASKS) == [("refund_refused",), ("late_refund",)]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


async def _die_after_the_intent(ledger: Ledger) -> None:
    async with transaction(ledger.services.engine) as connection:
        now = ledger.services.clock.now()
        taken = await refund_outcomes.take_prepared(connection, now=now, check_at=now, size=5, lease_seconds=60)
    assert len(taken) == 1


async def _die_after_the_answer(ledger: Ledger, refund_id: UUID, charge: str) -> None:
    await _die_after_the_intent(ledger)
    await ledger.services.gateway.refund(refund_id=refund_id, gateway_reference=charge, amount=8432)


async def test_f1_a_worker_that_dies_after_the_intent_leaves_it_to_the_next(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await _die_after_the_intent(ledger)
    while_leased = await work(ledger)

    await ledger.change(END_LEASES)
    await work(ledger)

    assert while_leased == 0
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(STATES) == [("succeeded",)]


async def test_f2_a_worker_that_dies_with_the_answer_in_hand_leaves_a_refund_that_is_found(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await approved(ledger, paid.transaction_id)
    await _die_after_the_answer(ledger, refund_id, paid.charge)

    await ledger.change(END_LEASES)
    await asyncio.gather(work(ledger), work(ledger))

    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(REFUND_NOTICES) == [("8432",)]


async def test_two_answers_to_one_refund_are_recorded_once(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await approved(ledger, paid.transaction_id)
    await _die_after_the_intent(ledger)
    outcome = await ledger.services.gateway.refund(refund_id=refund_id, gateway_reference=paid.charge, amount=8432)

    await asyncio.gather(
        *(record_refund(ledger.services, refund_id=refund_id, outcome=outcome, now=clock.now()) for _ in range(3))
    )

    assert await ledger.rows("SELECT count(*) FROM refund_step WHERE state_after = 'succeeded'") == [(1,)]
    assert await ledger.rows(REFUND_NOTICES) == [("8432",)]
    assert await given_back(gateway_emulator) == [8432]


async def test_a_hanging_call_is_unknown_and_made_once(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    rule = {"path": REFUNDS, "method": "POST", "kind": "hang_after", "times": 1, "seconds": 0.3}
    await told(gateway_emulator, "faults", {"rules": [rule]})
    await send_due_refunds(ledger.services, now=clock.now())

    clock.forward(minutes=2)
    await work(ledger)

    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(STATES) == [("succeeded",)]
