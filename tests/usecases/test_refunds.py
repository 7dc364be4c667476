"""Refunds: asked for by one person, approved by another, made once, never more than was taken (f33, invariant 17)."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from backend.domain.states import RefundState, StopReason, StopScope
from backend.store import charging_stops
from backend.store.engine import transaction
from backend.usecases.refund_payment import (
    RefundObstacle,
    RefundTaken,
    approve_refund,
    request_refund,
    withdraw_refund,
)
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.refunds import (
    APPROVER,
    ASKER,
    REFUND_NOTICES,
    STATES,
    TASKS,
    approved,
    asked,
    given_back,
    paid_bill,
    told,
    work,
)


async def test_a_full_refund_goes_back_once_marks_the_bill_and_is_told_once(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)

    await work(ledger)
    await work(ledger)

    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]
    assert await ledger.rows(REFUND_NOTICES) == [("8432",)]
    assert await ledger.rows("SELECT count(*) FROM bill_claim") == [(1,)]


async def test_partial_refunds_leave_the_bill_paid_until_all_is_back(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=8000)
    await work(ledger)
    halfway = await ledger.rows("SELECT state FROM bill")

    await approved(ledger, paid.transaction_id)
    await work(ledger)

    assert halfway == [("paid",)]
    assert await given_back(gateway_emulator) == [8000, 432]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


async def test_every_step_keeps_who_did_it_and_what_the_gateway_said(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)

    await work(ledger)

    steps = await ledger.rows("SELECT actor, state_before, state_after FROM refund_step ORDER BY id")
    assert steps == [
        (ASKER, None, "requested"),
        (APPROVER, "requested", "prepared"),
        ("gateway", "sent", "succeeded"),
    ]


async def test_f33_pressed_twice_it_is_one_refund(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)

    first, second = await asyncio.gather(asked(ledger, paid.transaction_id), asked(ledger, paid.transaction_id))

    assert first == second
    assert await ledger.rows(STATES) == [("requested",)]


@pytest.mark.parametrize("amount", [8433, 9_999_999, 0, -1])
async def test_f33_more_than_was_taken_is_refused(ledger: Ledger, clock: FakeClock, amount: int) -> None:
    paid = await paid_bill(ledger, clock)

    answer = await request_refund(
        ledger.services, transaction_id=paid.transaction_id, amount=amount, reason="x", by=ASKER, now=clock.now()
    )

    assert answer is RefundObstacle.TOO_MUCH


async def test_what_was_given_back_already_counts(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=8000)
    await work(ledger)

    answer = await request_refund(
        ledger.services, transaction_id=paid.transaction_id, amount=433, reason="x", by=ASKER, now=clock.now()
    )

    assert answer is RefundObstacle.TOO_MUCH


@pytest.mark.parametrize("by", [f" {ASKER.upper()} ", "ｓａｔｏ", "Ｓａｔｏ\u3000"])
async def test_only_another_person_approves(ledger: Ledger, clock: FakeClock, gateway_emulator: str, by: str) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await asked(ledger, paid.transaction_id)

    answer = await approve_refund(ledger.services, refund_id=refund_id, by=by, now=clock.now())
    await work(ledger)

    assert answer is RefundObstacle.SAME_PERSON
    assert await given_back(gateway_emulator) == []


async def test_two_approvals_at_once_send_it_once(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await asked(ledger, paid.transaction_id)

    answers = await asyncio.gather(
        *(approve_refund(ledger.services, refund_id=refund_id, by=APPROVER, now=clock.now()) for _ in range(4))
    )
    await asyncio.gather(*(work(ledger) for _ in range(4)))

    assert {type(answer) for answer in answers} == {RefundTaken}
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(STATES) == [("succeeded",)]


async def test_another_refund_of_the_same_attempt_waits_for_the_first(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    await asked(ledger, paid.transaction_id, amount=100)

    answer = await request_refund(
        ledger.services, transaction_id=paid.transaction_id, amount=200, reason="x", by=ASKER, now=clock.now()
    )

    assert answer is RefundObstacle.ANOTHER_ON_ITS_WAY


async def test_a_refund_that_was_not_sent_can_be_taken_back_and_asked_for_anew(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await approved(ledger, paid.transaction_id)

    await withdraw_refund(ledger.services, refund_id=refund_id, by=APPROVER, now=clock.now())
    late = await approve_refund(ledger.services, refund_id=refund_id, by="tanaka", now=clock.now())
    await work(ledger)
    await asked(ledger, paid.transaction_id, amount=100)

    assert late is RefundObstacle.TOO_LATE
    assert await given_back(gateway_emulator) == []
    assert sorted(await ledger.rows(STATES)) == [("requested",), ("withdrawn",)]


async def test_what_was_sent_is_not_taken_back(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = await approved(ledger, paid.transaction_id)
    await work(ledger)

    answer = await withdraw_refund(ledger.services, refund_id=refund_id, by=ASKER, now=clock.now())

    assert answer is RefundObstacle.TOO_LATE


async def test_what_does_not_exist_is_not_refunded(ledger: Ledger, clock: FakeClock) -> None:
    nothing = await request_refund(
        ledger.services, transaction_id="1-01", amount=1, reason="x", by=ASKER, now=clock.now()
    )
    nobody = await approve_refund(ledger.services, refund_id=uuid4(), by=APPROVER, now=clock.now())

    assert (nothing, nobody) == (RefundObstacle.NO_SUCH_TRANSACTION, RefundObstacle.NO_SUCH_REFUND)


@pytest.mark.parametrize(("reason", "expected"), [(StopReason.STAFF, [8432]), (StopReason.RESTORE_GATE, [])], ids=str)
async def test_refunds_go_on_while_charging_is_stopped_but_not_behind_the_restore_gate(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, reason: StopReason, expected: list[int]
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    async with transaction(ledger.services.engine) as connection:
        await charging_stops.stop_charging(connection, reason=reason, scope=StopScope.ALL, detail={}, now=clock.now())

    await work(ledger)

    assert await given_back(gateway_emulator) == expected


async def test_a_refund_that_the_gateway_refuses_is_told_to_people_and_frees_the_way(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await told(gateway_emulator, f"charges/{paid.charge}/refund", {"amount": 8000})

    await work(ledger)
    await asked(ledger, paid.transaction_id, amount=432)

    assert await ledger.rows("SELECT state, refusal FROM refund ORDER BY created_at, state DESC") == [
        ("requested", None),
        ("refused", "refund_too_large"),
    ]
    assert await ledger.rows(TASKS) == [("refund_refused",)]
    assert await ledger.rows(REFUND_NOTICES) == []


_RACE = """INSERT INTO refund (attempt_id, charge_reference, origin, state, amount, reason, requested_by, created_at)
VALUES (:attempt_id, 'ch', 'staff', 'requested', :amount, 'x', 'sato', now())"""


async def test_the_database_itself_refuses_more_than_was_captured(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)

    with pytest.raises(DBAPIError, match="too much"):
        await ledger.change(_RACE, attempt_id=paid.attempt_id, amount=8433)


async def test_requests_at_once_cannot_promise_more_than_was_captured(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)

    await asyncio.gather(
        *(ledger.change(_RACE, attempt_id=paid.attempt_id, amount=5000) for _ in range(3)), return_exceptions=True
    )

    assert await ledger.rows("SELECT amount FROM refund") == [(5000,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE refund SET amount = 1",
        "UPDATE refund SET state = 'requested'",
        "UPDATE refund SET state = 'refused'",
        "UPDATE refund SET approved_by = 'nobody'",
        "DELETE FROM refund",
        "DELETE FROM refund_step",
        "UPDATE bill SET state = 'requested'",
        "UPDATE bill SET state = 'paid'",
    ],
)
async def test_the_database_keeps_what_was_given_back(ledger: Ledger, clock: FakeClock, change: str) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await work(ledger)

    with pytest.raises(DBAPIError):
        await ledger.change(change)


async def test_the_database_wants_two_persons(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    await asked(ledger, paid.transaction_id)

    with pytest.raises(DBAPIError, match="two_persons"):
        await ledger.change("UPDATE refund SET state = 'prepared', approved_by = 'SATO '")
    with pytest.raises(DBAPIError, match="approved"):
        await ledger.change("UPDATE refund SET state = 'prepared'")
    assert RefundState.REQUESTED in dict(await ledger.rows("SELECT state, amount FROM refund"))
