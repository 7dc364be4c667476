"""Nothing is begun by a clock that disagrees with the database's; leases and the age of a charge do not care (f17)."""

import asyncio
from datetime import datetime, timedelta

import pytest

from backend.ports import Unknown
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.check_clock import ClockWatch, is_clock_wrong
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.resolve_unknown_payments import resolve_due
from backend.usecases.services import Services
from scheduler.runner import make_scheduler
from scheduler.worker import Step, run_forever
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.batch_rig import month_with, opened

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


@pytest.mark.parametrize(("off", "begins"), [({"hours": 25}, False), ({"hours": -1}, False), ({"minutes": 4}, True)])
async def test_f17_a_worker_begins_nothing_while_its_clock_is_wrong_and_calls_people(
    ledger: Ledger, clock: FakeClock, *, off: dict[str, float], begins: bool
) -> None:
    await _database_says(ledger, clock, **off)
    clock.is_real = True
    watch, begun, looked = ClockWatch(services=ledger.services), [], asyncio.Semaphore(0)

    async def is_wrong() -> bool:
        said = await watch.is_wrong()
        looked.release()
        return said

    async def charge(now: datetime) -> int:
        begun.append(now)
        return 0

    step = Step(name="charges", run=charge, idle_seconds=60)
    work = asyncio.create_task(run_forever([step], clock=clock, is_clock_wrong=is_wrong))
    await looked.acquire()  # it goes on, or not, before we hear of it
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert (begun != []) is begins
    assert await ledger.rows("SELECT kind FROM staff_task") == ([] if begins else [("clock_differs",)])


async def test_f17_a_shifted_clock_of_development_is_never_wrong(ledger: Ledger, clock: FakeClock) -> None:
    await _database_says(ledger, clock, days=31)

    assert not await ClockWatch(services=ledger.services).is_wrong()


async def test_f17_a_charge_is_as_old_as_the_database_says_whatever_the_clocks_of_the_machines_say(
    services: Services, clock: FakeClock
) -> None:
    lost = Unknown(reason="timeout")
    month = month_with(services, lost, lost)
    await opened(month, customers=1)
    await charge_due(month.services, now=clock.now())
    clock.is_real = True

    await resolve_due(month.services, now=clock.forward(hours=25))
    while_it_is_young = await month.states()
    await month.ledger.change(
        """UPDATE payment_attempt SET witnessed_at = witnessed_at - interval '25 hours', lease_until = NULL"""
    )
    await resolve_due(month.services, now=clock.forward(hours=1))

    assert while_it_is_young == {"unknown": 1}
    assert await month.states() == {"declined": 1}
