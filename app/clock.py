"""The two clocks: the system's, and one that development and tests can shift for every process at once."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.billing_calendar import JST
from backend.store import clock_shift
from backend.store.engine import transaction


class SystemClock:
    """Real time in Asia/Tokyo."""

    is_real = True

    def now(self) -> datetime:
        """The current instant."""
        return datetime.now(JST)  # noqa: TID251 - the one place that asks the machine

    def placed(self, told: datetime) -> datetime:
        """Everybody lives in real time."""
        return told

    async def refresh(self) -> None:
        """Real time needs no news from other processes."""


class ShiftableClock:
    """Real time plus a shift kept in the database, so that web, worker and scheduler travel together."""

    is_real = False

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._real = SystemClock()
        self._shift = timedelta()
        self._one_reader = asyncio.Lock()

    def now(self) -> datetime:
        """The shifted instant."""
        return self._real.now() + self._shift

    def placed(self, told: datetime) -> datetime:
        """What is nearer to real time than to ours was told by somebody who has not travelled with us."""
        return told + self._shift if abs(told - self._real.now()) < abs(told - self.now()) else told

    async def refresh(self) -> None:
        """Read the shift that another process may have changed."""
        async with self._one_reader, transaction(self._engine) as connection:
            # One reader at a time: an answer from before a travel must not overwrite one from after it.
            self._shift = await clock_shift.read(connection)

    async def go_to(self, at: datetime) -> None:
        """Travel: every process's clock goes on from `at`."""
        shift = at - self._real.now()
        async with transaction(self._engine) as connection:
            await clock_shift.write(connection, shift=shift)
        await self.refresh()
