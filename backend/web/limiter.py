"""Counts what one address did within the last minute; forgets it by itself and never grows without bound."""

from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0
_MOST_ADDRESSES = 10_000  # beyond this the oldest are forgotten: an attack must not eat the memory


class Limiter:
    """At most `limit` events an address and minute. `seconds` tells the time and only ever goes forward."""

    def __init__(self, *, limit: int, seconds: Callable[[], float]) -> None:
        self._limit = limit
        self._seconds = seconds
        self._events: dict[str, deque[float]] = {}

    def admits(self, address: str) -> bool:
        """Count one event; False when it is one too many."""
        now = self._seconds()
        events = self._events.pop(address, deque())
        while events and events[0] <= now - _WINDOW_SECONDS:
            events.popleft()
        is_admitted = len(events) < self._limit
        if is_admitted:
            events.append(now)
        self._events[address] = events  # the newest stand last
        if len(self._events) > _MOST_ADDRESSES:
            del self._events[next(iter(self._events))]
        return is_admitted
