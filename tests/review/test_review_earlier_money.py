"""Money of a given-up try that came while another charge of the same bill was on the wire, which then declines."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from backend.domain.states import DeclineClass
from backend.ports import Declined, Evidence
from backend.store import attempts, opening
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.waiting import until_somebody_waits
from tests.review.test_review_late_money import TASKS, came_late, declined
from tests.usecases.test_charging import truth

__all__ = ["declined"]  # the fixture
SOFT = Declined(
    decline_class=DeclineClass.SOFT,
    decline_code="insufficient_funds",
    gateway_reference="ch_2",
    evidence=Evidence(source="charge", body={}, request_id=None),
)


@pytest.fixture
async def second(ledger: Ledger, clock: FakeClock, declined: UUID) -> UUID:
    """The combined charge of the next month, on the wire, when the first month's money turns up."""
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await ledger.bill(1, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())
    assert ("captured_twice",) in await ledger.rows(TASKS)
    return sent.id


async def test_the_earlier_money_is_booked_when_the_charge_on_the_wire_declines(
    ledger: Ledger, clock: FakeClock, second: UUID, gateway_emulator: str
) -> None:
    await record_outcome(ledger.services, attempt_id=second, outcome=SOFT, now=clock.now())
    paid = await ledger.rows("SELECT billing_month, state FROM bill ORDER BY id")
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-11T10:00"))
    await charge_due(ledger.services, now=clock.now())

    assert paid == [("2026-11", "paid"), ("2026-12", "finalized")]
    assert await truth(gateway_emulator) == [9120]
    assert await ledger.rows("SELECT state FROM payment_attempt ORDER BY created_at") == [
        ("succeeded",),
        ("declined",),
        ("succeeded",),
    ]
    assert await ledger.rows("SELECT done_by FROM staff_task WHERE kind = 'captured_twice'") == [("tsukibarai",)]


async def test_the_earlier_money_is_booked_also_when_the_answer_comes_after_the_closing(
    ledger: Ledger, clock: FakeClock, second: UUID
) -> None:
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-12-21T00:00"))

    await record_outcome(ledger.services, attempt_id=second, outcome=SOFT, now=clock.now())

    assert await ledger.rows("SELECT billing_month, state FROM bill ORDER BY id") == [
        ("2026-11", "paid"),
        ("2026-12", "carried_over"),
    ]


async def test_money_that_people_have_dealt_with_already_is_not_booked_by_itself(
    ledger: Ledger, clock: FakeClock, second: UUID
) -> None:
    await ledger.change(
        "UPDATE staff_task SET done_at = :now, done_by = 'sato' WHERE kind = 'captured_twice'", now=clock.now()
    )

    await record_outcome(ledger.services, attempt_id=second, outcome=SOFT, now=clock.now())

    assert await ledger.rows("SELECT DISTINCT state FROM bill") == [("requested",)]
    assert await ledger.rows("SELECT attempt_id FROM bill_claim") == []


async def test_an_opening_under_way_is_waited_for_with_no_request_in_hand_and_the_earlier_money_is_booked(
    ledger: Ledger, clock: FakeClock, second: UUID
) -> None:
    async with transaction(ledger.services.engine) as gate:
        await opening.lock_opening(gate)
        decline = asyncio.create_task(record_outcome(ledger.services, attempt_id=second, outcome=SOFT, now=clock.now()))
        await until_somebody_waits(ledger)
        async with transaction(ledger.services.engine) as lane:
            await lane.execute(text("SELECT id FROM payment_request WHERE state = 'open' FOR UPDATE NOWAIT"))
    await decline

    assert await ledger.rows("SELECT billing_month, state FROM bill ORDER BY id") == [
        ("2026-11", "paid"),
        ("2026-12", "finalized"),
    ]
