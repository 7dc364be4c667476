"""Runs the due steps that the database holds (charges, messages, inbox, doubts): any number of processes may."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from backend.ports import Clock
from backend.store.acting import WORKER, acting

_AFTER_A_FAILURE = 5.0  # seconds: the database or a provider may be back by then
_WHILE_THE_CLOCK_IS_WRONG = 30.0  # seconds
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A kind of due work. `run` claims some, does it and says how much; `idle_seconds` is the pause without any.

    `lanes` run side by side in one process, so that one slow answer does not hold up the rest.
    """

    name: str
    run: Callable[[datetime], Awaitable[int]]
    idle_seconds: float
    lanes: int = 1


async def drain(steps: Sequence[Step], *, clock: Clock) -> int:
    """Do everything that is due, and what becomes due by it, until none finds anything any more; returns how much.

    A step that fails is left alone from then on; the others do their work all the same.

    Raises:
        ExceptionGroup: what went wrong in steps, after the others have done all that was due.
    """
    total, idle, going, problems = 0, 0, deque(steps), list[Exception]()
    while idle < len(going):  # each has found nothing since anybody did something
        step = going.popleft()
        done = await _attempt(step, _exhaust(step, clock), problems)
        if done is None:
            idle = 0  # what it had done before may be work for others
            continue
        going.append(step)
        total, idle = total + done, 1 if done else idle + 1
    _raise_all(problems)
    return total


async def take_turns(steps: Sequence[Step], *, clock: Clock) -> int:
    """Give each step one turn, as is enough for what repeats after a time; returns how much was done.

    Raises:
        ExceptionGroup: what went wrong in steps, after the others have had their turns.
    """
    total, problems = 0, list[Exception]()
    for step in steps:
        total += await _attempt(step, step.run(clock.now()), problems) or 0
    _raise_all(problems)
    return total


async def _attempt(step: Step, work: Awaitable[int], problems: list[Exception]) -> int | None:
    """How much the work has done; None when it failed, which is put to the problems."""
    try:
        with acting(actor=WORKER, cause=step.name):
            return await work
    except Exception as problem:  # noqa: BLE001 - a door: all problems are raised at the end
        problem.add_note(f"in the step {step.name}")
        problems.append(problem)
        return None


def _raise_all(problems: list[Exception]) -> None:
    if problems:
        raise ExceptionGroup("steps failed", problems)


async def _exhaust(step: Step, clock: Clock) -> int:
    done = 0
    while count := await step.run(clock.now()):
        done += count
    return done


async def run_forever(steps: Sequence[Step], *, clock: Clock, is_clock_wrong: Callable[[], Awaitable[bool]]) -> None:
    """Keep all lanes of all steps going until cancelled. None begins anything while the clock is wrong (f17)."""
    async with asyncio.TaskGroup() as lanes:
        for step in steps:
            for _ in range(step.lanes):
                lanes.create_task(_keep_going(step, clock, is_clock_wrong))


async def _keep_going(step: Step, clock: Clock, is_clock_wrong: Callable[[], Awaitable[bool]]) -> None:
    while True:
        try:
            await clock.refresh()
            if await is_clock_wrong():
                log.error("clock_differs", step=step.name)
                await asyncio.sleep(_WHILE_THE_CLOCK_IS_WRONG)
                continue
            with acting(actor=WORKER, cause=step.name):
                done = await step.run(clock.now())
        except Exception:  # the door of the process: a broken step is reported and tried again
            log.exception("step_failed", step=step.name)
            await asyncio.sleep(_AFTER_A_FAILURE)
            continue
        if not done:
            await asyncio.sleep(step.idle_seconds)
