"""Is this machine's clock right? The database's is the witness: leases live by it, business time by ours (f17)."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backend.domain.billing_calendar import jst_date
from backend.store import readiness, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services

TOLERANCE = timedelta(minutes=5)
_EVERY = 60.0  # seconds between the looks of a process that works all day


async def is_clock_wrong(services: Services, *, now: datetime) -> bool:
    """Whether `now` is more than five minutes away from the database's time; then people are told, once a day."""
    async with transaction(services.engine) as connection:
        theirs = await readiness.database_time(connection)
        if abs(now - theirs) <= TOLERANCE:
            return False
        await tasks.raise_task(
            connection,
            kind="clock_differs",
            subject=str(jst_date(theirs)),
            account_id=None,
            detail={"seconds": round((now - theirs).total_seconds())},
            now=theirs,
        )
    return True


@dataclass(slots=True, kw_only=True)
class ClockWatch:
    """A running process's eye on its own clock: cheap enough to be asked before every step."""

    services: Services
    _asked_at: float | None = None  # by the clock that nobody sets
    _was_wrong: bool = False
    _one_asks: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def is_wrong(self) -> bool:
        """Whether nothing may be begun now. Asks the database once a minute; a shiftable clock is right by definition.

        Raises what the database raises: then nobody knows, and nothing may be begun either.
        """
        if not self.services.clock.is_real:
            return False
        async with self._one_asks:
            beat = asyncio.get_running_loop().time()
            if self._asked_at is None or beat - self._asked_at >= _EVERY:
                self._was_wrong = await is_clock_wrong(self.services, now=self.services.clock.now())
                self._asked_at = beat
            return self._was_wrong
