"""Runs what repeats every few minutes: the database says who, so that any number of workers run it once a time."""

from datetime import datetime

from backend.store import jobs as runs
from backend.store.engine import transaction
from backend.usecases.services import Services
from scheduler.jobs import Periodic


async def run_if_due(services: Services, job: Periodic, now: datetime) -> int:
    """Run the job if its time has come and nobody else has taken it; returns how many runs that were."""
    async with transaction(services.engine) as connection:
        is_ours = await runs.claim_period(connection, job=job.name, every=job.every, now=now)
    if is_ours:
        await job.run(services, now)
    return int(is_ours)
