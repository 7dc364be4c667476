"""The shiftable clock: one time for every process, whatever they do at the same moment."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from app.clock import ShiftableClock
from tests.kit.clock import jst


async def test_a_travel_is_seen_by_the_other_processes(engine: AsyncEngine) -> None:
    ours, theirs = ShiftableClock(engine), ShiftableClock(engine)

    await ours.go_to(jst("2026-12-10T10:00"))
    await theirs.refresh()

    assert f"{theirs.now():%Y-%m-%d %H:%M}" == "2026-12-10 10:00"


async def test_a_refresh_under_way_never_takes_a_travel_back(engine: AsyncEngine) -> None:
    clock = ShiftableClock(engine)

    for day in range(10, 20):
        async with asyncio.TaskGroup() as both:
            for _ in range(3):
                both.create_task(clock.refresh())
            both.create_task(clock.go_to(jst(f"2026-12-{day}T10:00")))
        await clock.refresh()
        assert clock.now().day == day
