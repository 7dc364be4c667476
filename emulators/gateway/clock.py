"""The emulator's clock: a base clock plus an offset that `/_control/clock` moves."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

JAPAN = ZoneInfo("Asia/Tokyo")


def real_time() -> datetime:
    """Read the machine's clock: the default base, at the very edge of the emulator."""
    return datetime.fromtimestamp(time.time(), tz=UTC)


class EmulatorClock:
    """Tells the emulator's time in UTC; `base` is asked for each reading."""

    def __init__(self, *, base: Callable[[], datetime]) -> None:
        self._base = base
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the emulator's present instant, aware."""
        return self._base() + self.offset

    def unix(self) -> int:
        """Return the present in whole Unix seconds, as the API writes times."""
        return int(self.now().timestamp())

    def move_to(self, *, now: datetime) -> None:
        """Choose the offset that makes it `now` (aware) at this moment; time goes on from there."""
        self.offset = now - self._base()
