"""The scheduler begins nothing by a clock that disagrees with the database's; leases do not care (f17)."""

from datetime import timedelta

import pytest

from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.check_clock import is_clock_wrong
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.resolve_unknown_payments import resolve_due
from scheduler.runner import make_scheduler
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

TASKS = "SELECT kind, (detail->>'seconds')::int FROM staff_task"


async def _database_says(ledger: Ledger, clock: FakeClock, **off: float) -> None:
    [(now,)] = await ledger.rows("SELECT clock_timestamp() AT TIME ZONE 'Asia/Tokyo'")
    clock.go_to((now + timedelta(**off)).isoformat())


@pytest.mark.parametrize("off", [{"hours": 1}, {"hours": -1}, {"days": 31}, {"minutes": 6}])
async def test_f17_a_clock_that_jumped_stops_the_timetable_and_calls_people(
    ledger: Ledger, clock: FakeClock, off: dict[str, float]
) -> None:
    await _database_says(ledger, clock, **off)
    [*_, catching_up] = make_scheduler(ledger.services, every_seconds=60, checks_clock=True).get_jobs()

    await catching_up.func()
    await catching_up.func()

    assert await ledger.rows("SELECT job FROM job_run") == []
    [(kind, seconds)] = await ledger.rows(TASKS)
    assert kind == "clock_differs"
    assert abs(seconds - timedelta(**off).total_seconds()) < 60


async def test_f17_a_clock_that_agrees_within_minutes_lets_the_timetable_run(ledger: Ledger, clock: FakeClock) -> None:
    await _database_says(ledger, clock, minutes=4)
    [*_, catching_up] = make_scheduler(ledger.services, every_seconds=60, checks_clock=True).get_jobs()

    await catching_up.func()

    assert not await is_clock_wrong(ledger.services, now=clock.now())
    assert ("expire",) in await ledger.rows("SELECT job FROM job_run")


async def test_f17_a_charge_on_the_wire_is_not_taken_over_because_a_clock_jumped(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )

    assert await resolve_due(ledger.services, now=clock.forward(hours=1)) == 0
    assert await ledger.rows("SELECT id, state FROM payment_attempt") == [(sent.id, "sent")]
    assert gateway_emulator
