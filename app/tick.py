"""Everything that is due now, once: the timetable in order, then every step until nothing is left."""

from datetime import datetime

from app.clock import ShiftableClock
from app.compose import Parts
from backend.usecases.check_clock import is_clock_wrong
from scheduler.catch_up import run_due
from scheduler.worker import drain


class TimeTravelRefusedError(Exception):
    """`--at` needs CLOCK=shiftable, which production refuses."""


async def travel(parts: Parts, *, to: datetime) -> None:
    """Set the shiftable clock of every process.

    Raises:
        TimeTravelRefusedError: this system runs on real time.
    """
    clock = parts.services.clock
    if not isinstance(clock, ShiftableClock):
        raise TimeTravelRefusedError("time travel needs CLOCK=shiftable (development and tests only)")
    await clock.go_to(to)


async def tick(parts: Parts) -> list[str]:
    """Do all that is due at this moment; returns the jobs of the timetable that ran."""
    await parts.services.clock.refresh()
    clock = parts.services.clock
    if clock.is_real and await is_clock_wrong(parts.services, now=clock.now()):
        return []  # nothing is begun by a clock that may be wrong; people have been told (f17)
    jobs = await run_due(parts.services, now=clock.now())
    # What judges the work in hand comes when that work is done: nobody could do it before this tick.
    await drain(parts.due_steps(), clock=clock)
    await drain(parts.steps(), clock=clock)
    return jobs
