"""SQL for the timetable: a run key (job, JST date) is written once, whoever runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime

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
