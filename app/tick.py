"""Everything that is due now, once: the timetable in order, then every step until nothing is left."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from app.clock import ShiftableClock
from app.compose import Parts
from backend.domain.billing_calendar import jst_date
from backend.store import jobs as runs
from backend.store.engine import transaction
from backend.usecases.check_clock import is_clock_wrong
from scheduler.catch_up import run_due
from scheduler.worker import drain, take_turns


class ClockWrongError(Exception):
    """Nothing was begun, because this machine's clock differs from the database's; correct one of them."""


class TimeTravelRefusedError(Exception):
    """`--at` needs CLOCK=shiftable, which production refuses."""


async def travel(parts: Parts, *, to: datetime) -> bool:
    """Set the shiftable clock of every process.

    Returns whether that led back behind work of the timetable: from then on its days come, and are due, once more.

    Raises:
        TimeTravelRefusedError: this system runs on real time.
    """
    clock = parts.services.clock
    if not isinstance(clock, ShiftableClock):
        raise TimeTravelRefusedError("time travel needs CLOCK=shiftable (development and tests only)")
    await clock.refresh()
    is_back = to < clock.now() and await _has_run(parts)
    await clock.go_to(to)
    if is_back:
        async with transaction(parts.services.engine) as connection:
            await runs.forget_runs(connection, since=jst_date(to))
    return is_back


async def _has_run(parts: Parts) -> bool:
    async with transaction(parts.services.engine) as connection:
        return bool(await runs.last_runs(connection))


async def tick(parts: Parts) -> list[str]:
    """Do all that is due at this moment; returns the jobs of the timetable that ran.

    Raises:
        ClockWrongError: nothing is begun by a clock that may be wrong; people have been told (f17).
        ExceptionGroup: what went wrong in jobs and steps, after all the others have been done.
    """
    await parts.services.clock.refresh()
    clock = parts.services.clock
    if clock.is_real and await is_clock_wrong(parts.services, now=clock.now()):
        raise ClockWrongError(
            "Nothing was done: this machine's clock differs from the database's; correct one of them."
        )
    jobs: list[str] = []
    may_be_more = 1
    problems: list[Exception] = []
    with _putting_off(problems):
        jobs = await run_due(parts.services, now=clock.now())
    with _putting_off(problems):
        await drain(parts.due_steps(), clock=clock)
    # What judges the work in hand comes when that work is done: nobody could do it before this tick.
    with _putting_off(problems):
        may_be_more = await take_turns(parts.periodic_steps(), clock=clock)
    if may_be_more:
        with _putting_off(problems):
            await drain(parts.due_steps(), clock=clock)
    if problems:
        raise ExceptionGroup("not all that is due could be done", problems)
    return jobs


async def waiting_jobs(parts: Parts) -> dict[str, str]:
    """What is due and could not be done yet, with the reason; the next tick tries again."""
    async with transaction(parts.services.engine) as connection:
        return await runs.waiting(connection)


@contextmanager
def _putting_off(problems: list[Exception]) -> Iterator[None]:
    """What fails is kept for the end, so that the rest is done first, as in processes of their own."""
    try:
        yield
    except Exception as problem:  # noqa: BLE001 - a door: all of them are raised at the end
        problems.append(problem)
