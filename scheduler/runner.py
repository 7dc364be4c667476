"""APScheduler as the clock: it asks "what is due now?" often enough; the database says what, and keeps it to once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from backend.domain.billing_calendar import JST
from backend.usecases.check_clock import is_clock_wrong
from backend.usecases.services import Services
from scheduler.catch_up import run_due
from scheduler.jobs import TIMETABLE

log = structlog.get_logger()


def make_scheduler(services: Services, *, every_seconds: float, checks_clock: bool) -> AsyncIOScheduler:
    """A scheduler in memory that looks at the timetable at each job's own time, and every `every_seconds` besides.

    The second look catches up after a downtime or a failure, and follows a shifted clock. Late looks are
    welcome (no misfire limit), doubled ones are merged (coalesce): the run keys keep the work to once.
    """
    # A look that takes longer than the pause before the next is no news: the next one is simply left out.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler = AsyncIOScheduler(timezone=JST, job_defaults={"misfire_grace_time": None, "coalesce": True})
    look = _look(services, checks_clock=checks_clock)
    for job in TIMETABLE:
        at = job.runs_at(services.calendar)
        scheduler.add_job(look, CronTrigger(hour=at.hour, minute=at.minute, timezone=JST), name=job.name)
    scheduler.add_job(look, IntervalTrigger(seconds=every_seconds), name="catch up", max_instances=1)
    return scheduler


def _look(services: Services, *, checks_clock: bool) -> Callable[[], Awaitable[None]]:
    async def look() -> None:
        await services.clock.refresh()
        try:
            now = services.clock.now()
            if checks_clock and await is_clock_wrong(services, now=now):
                log.error("clock_differs")  # nothing is begun by a clock that may be wrong (f17)
                return
            await run_due(services, now=now)
        except Exception:  # the door of the process; APScheduler would swallow it
            log.exception("timetable_failed")

    return look


async def run_scheduler(services: Services, *, every_seconds: float, checks_clock: bool) -> None:
    """Run until cancelled. `checks_clock`: the machine's clock counts, so it must agree with the database's."""
    scheduler = make_scheduler(services, every_seconds=every_seconds, checks_clock=checks_clock)
    scheduler.start()
    try:
        await _look(services, checks_clock=checks_clock)()
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)
