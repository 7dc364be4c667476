"""What repeats: never beside itself, and people hear when it has not been done for some periods."""

import asyncio
from datetime import datetime, timedelta

import pytest

from backend.usecases.services import Services
from scheduler.jobs import Periodic
from scheduler.periodic import run_if_due
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

QUARTER = timedelta(minutes=15)
TOLD = "SELECT detail->>'job', detail->>'reason' FROM staff_task WHERE kind = 'job_overdue'"


async def _too_long(_services: Services, _now: datetime) -> object:
    raise TimeoutError


async def test_verifying_that_takes_longer_than_its_period_is_not_begun_a_second_time(
    services: Services, clock: FakeClock
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_services: Services, _now: datetime) -> object:
        begun.set()
        return await go_on.wait()

    job = Periodic(name="verify", every=QUARTER, run=slow)
    first = asyncio.create_task(run_if_due(services, job, clock.now()))
    await begun.wait()
    beside = await run_if_due(services, job, clock.forward(minutes=20))
    go_on.set()

    assert (beside, await first, await run_if_due(services, job, clock.now())) == (0, 1, 1)


async def test_verifying_that_never_ends_well_is_told_to_people(ledger: Ledger, clock: FakeClock) -> None:
    job = Periodic(name="verify", every=QUARTER, run=_too_long)
    told = []
    for _ in range(6):
        with pytest.raises(TimeoutError):
            await run_if_due(ledger.services, job, clock.now())
        told.append(len(await ledger.rows(TOLD)))
        clock.forward(minutes=15)

    assert told == [0, 0, 0, 0, 1, 1]
    assert await ledger.rows(TOLD) == [("verify", "it fails: TimeoutError")]
