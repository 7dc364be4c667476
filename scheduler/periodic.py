"""Runs what repeats every few minutes: the database says who, so that any number of workers run it once a time."""

from datetime import datetime

from backend.domain.billing_calendar import jst_date
from backend.store import jobs as runs
from backend.store import tasks
from backend.store.engine import transaction
from backend.usecases.services import Services
from scheduler.jobs import Periodic

_MISSED = 4  # times in a row without a success: then it is not a passing trouble any more


async def run_if_due(services: Services, job: Periodic, now: datetime) -> int:
    """Run the job if its time has come and nobody else has taken it; returns how many runs that were.

    One that takes longer than its period never overlaps itself. Work that fails for some periods is told to people.
    """
    async with transaction(services.engine) as connection:
        if not await runs.is_period_due(connection, job=job.name, every=job.every, now=now):
            return 0
    async with runs.period_lock(services.engine, job=job.name) as is_free:
        if not is_free:
            return 0
        async with transaction(services.engine) as connection:
            is_ours = await runs.claim_period(connection, job=job.name, every=job.every, now=now)
        if is_ours:
            await _run(services, job, now=now)
        return int(is_ours)


async def _run(services: Services, job: Periodic, *, now: datetime) -> None:
    try:
        await job.run(services, now)
    except Exception as problem:
        await _tell_of_failure(services, job, problem, now=now)
        raise
    async with transaction(services.engine) as connection:
        await runs.record_success(connection, job=job.name, now=now)


async def _tell_of_failure(services: Services, job: Periodic, problem: Exception, *, now: datetime) -> None:
    async with transaction(services.engine) as connection:
        done_at = await runs.last_success(connection, job=job.name)
        if done_at is None or now - done_at < _MISSED * job.every:
            return
        await tasks.raise_task(
            connection,
            kind="job_overdue",
            subject=f"{job.name}:{jst_date(now)}",
            account_id=None,
            detail={"job": job.name, "due_since": done_at.isoformat(), "reason": f"it fails: {type(problem).__name__}"},
            now=now,
        )
