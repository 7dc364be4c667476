"""The emulators' own clock: real time plus a shift; it never touches the machine's clock."""

import time
from datetime import UTC, datetime


class EmulatorClock:
    """Real time moved by a number of seconds that the control plane sets."""

    def __init__(self) -> None:
        self._offset = 0.0

    @property
    def offset_seconds(self) -> float:
        """Seconds by which this clock is ahead of the machine's."""
        return self._offset

    def time(self) -> float:
        """Return seconds since 1970 on this clock."""
        return time.time() + self._offset

    def milliseconds(self) -> int:
        """Return whole milliseconds since 1970 on this clock."""
        return int(self.time() * 1000)

    def now(self) -> datetime:
        """Return the aware instant (UTC) of this clock."""
        return datetime.fromtimestamp(self.time(), tz=UTC)

    def shift(self, *, offset_seconds: float) -> None:
        """Run this many seconds ahead of the machine's clock; 0 means real time."""
        self._offset = offset_seconds

    def set(self, *, now: datetime) -> None:
        """Make `now` (aware) the present; time runs on from there."""
        self._offset = now.timestamp() - time.time()
