"""Token buckets, as the platforms limit their endpoints: per endpoint, filled second by second."""

from collections.abc import Mapping


class Buckets:
    """One bucket per named endpoint; an endpoint without a rate is not limited."""

    def __init__(self, *, rates: Mapping[str, float]) -> None:
        self._rates = dict(rates)
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, *, name: str, now: float) -> bool:
        """Take one token at `now` (seconds, monotonic); False means over the limit."""
        rate = self._rates.get(name)
        if rate is None:
            return True
        level, since = self._levels.get(name, (max(rate, 1.0), now))
        level = min(max(rate, 1.0), level + (now - since) * rate)
        allowed = level >= 1.0
        self._levels[name] = (level - 1.0 if allowed else level, now)
        return allowed
