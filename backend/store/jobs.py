"""SQL for the timetable: a run key (job, JST date) is written once, whoever runs it; so is a time of what repeats."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# The advisory lock makes a second scheduler wait for the first instead of running the same period beside it (f9).
# It belongs to the session, not to a transaction: jobs call the gateway, and no transaction may be open then.
_LOCK = text("SELECT pg_advisory_lock(7306003)")
_UNLOCK = text("SELECT pg_advisory_unlock(7306003)")
_LAST = text("SELECT job, max(run_on) AS run_on FROM job_run GROUP BY job")
_DONE = text("""
INSERT INTO job_run (job, run_on, outcome, ran_at) VALUES (:job, :run_on, :outcome, :now)
ON CONFLICT (job, run_on) DO NOTHING RETURNING job
""")

_WAITING = text("SELECT job, reason FROM job_waiting ORDER BY due_since, job")
_FORGET_RUNS = text("DELETE FROM job_run WHERE run_on >= :since")
_FORGET_WAITING = text("DELETE FROM job_waiting WHERE job <> ALL(CAST(:kept AS text[]))")
_NOTE_WAITING = text("""
INSERT INTO job_waiting (job, due_since, reason) VALUES (:job, :due_since, :reason)
ON CONFLICT (job) DO UPDATE SET due_since = excluded.due_since, reason = excluded.reason
""")

# A due time further away than one period is from before the clock was set back.
_IS_DUE = text("SELECT NOT EXISTS (SELECT FROM periodic_run WHERE job = :job AND due_at > :now AND due_at <= :next)")
_CLAIM = text("""
INSERT INTO periodic_run (job, due_at, started_at, succeeded_at) VALUES (:job, :next, :now, :now)
ON CONFLICT (job) DO UPDATE SET due_at = excluded.due_at, started_at = excluded.started_at,
  succeeded_at = coalesce(periodic_run.succeeded_at, excluded.started_at)
WHERE periodic_run.due_at <= :now OR periodic_run.due_at > :next
RETURNING job
""")

_SUCCEEDED = text("UPDATE periodic_run SET succeeded_at = :now WHERE job = :job")
_SUCCEEDED_AT = text("SELECT succeeded_at FROM periodic_run WHERE job = :job")

# Two keys: these locks live beside those with one.
_TRY_PERIOD_LOCK = text("SELECT pg_try_advisory_lock(7306004, hashtext(:job))")
_RELEASE_PERIOD_LOCK = text("SELECT pg_advisory_unlock(7306004, hashtext(:job))")


@asynccontextmanager
async def period_lock(engine: AsyncEngine, *, job: str) -> AsyncIterator[bool]:
    """Whether nobody else is doing this repeated work; keeps others out until the block ends or we die."""
    async with engine.connect() as connection:
        session = await connection.execution_options(isolation_level="AUTOCOMMIT")
        is_ours: bool = (await session.execute(_TRY_PERIOD_LOCK, {"job": job})).scalar_one()
        try:
            yield is_ours
        finally:
            if is_ours:
                await session.execute(_RELEASE_PERIOD_LOCK, {"job": job})


@asynccontextmanager
async def timetable_lock(engine: AsyncEngine) -> AsyncIterator[None]:
    """Wait until no other process runs the timetable, and keep others out until the block ends or we die."""
    async with engine.connect() as connection:
        session = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await session.execute(_LOCK)
        try:
            yield
        finally:
            await session.execute(_UNLOCK)


async def last_runs(connection: AsyncConnection) -> dict[str, date]:
    """The newest date that each job has run for."""
    return {row.job: row.run_on for row in await connection.execute(_LAST)}


async def record_run(connection: AsyncConnection, *, job: str, run_on: date, outcome: str, now: datetime) -> bool:
    """Write the run key; False when it was there already."""
    values = {"job": job, "run_on": run_on, "outcome": outcome, "now": now}
    return (await connection.execute(_DONE, values)).one_or_none() is not None


async def forget_waiting(connection: AsyncConnection, *, except_for: Sequence[str]) -> None:
    """All other jobs have been done, or are not due."""
    await connection.execute(_FORGET_WAITING, {"kept": list(except_for)})


async def forget_runs(connection: AsyncConnection, *, since: date) -> None:
    """For a clock that was set back: these days come once more. Jobs work by state, so nothing is done twice."""
    await connection.execute(_FORGET_RUNS, {"since": since})


async def waiting(connection: AsyncConnection) -> dict[str, str]:
    """The jobs that were due at the last look and could not be done, with the reason."""
    return {row.job: row.reason for row in await connection.execute(_WAITING)}


async def note_waiting(connection: AsyncConnection, *, job: str, due_since: datetime, reason: str) -> None:
    """Keep that a job is due and was not done; the newest reason stays."""
    await connection.execute(_NOTE_WAITING, {"job": job, "due_since": due_since, "reason": reason})


async def is_period_due(connection: AsyncConnection, *, job: str, every: timedelta, now: datetime) -> bool:
    """Whether it is time for what repeats: a look that writes nothing and waits for nobody."""
    values = {"job": job, "next": now + every, "now": now}
    return bool((await connection.execute(_IS_DUE, values)).scalar_one())


async def claim_period(connection: AsyncConnection, *, job: str, every: timedelta, now: datetime) -> bool:
    """Whether it is time for what repeats, and for the caller to do it; commit before beginning.

    However many times were missed, one run makes up for them. A run that dies is followed by the next one in time.
    """
    values = {"job": job, "next": now + every, "now": now}
    return (await connection.execute(_CLAIM, values)).one_or_none() is not None


async def record_success(connection: AsyncConnection, *, job: str, now: datetime) -> None:
    """What repeats has been done to its end."""
    await connection.execute(_SUCCEEDED, {"job": job, "now": now})


async def last_success(connection: AsyncConnection, *, job: str) -> datetime | None:
    """When it was last done to its end, or first begun; None when it never was begun."""
    found: datetime | None = (await connection.execute(_SUCCEEDED_AT, {"job": job})).scalar_one_or_none()
    return found
