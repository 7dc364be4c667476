"""Counts webhooks whose signature is wrong: nothing of them is stored, and still a wrong secret is noticed (f56)."""

from collections import Counter
from collections.abc import Callable

import structlog

from backend.web.limiter import Limiter

_LINES_A_MINUTE = 1  # a source: a flood of forgeries must not fill the log
_log = structlog.get_logger("web")


class RefusedSignatures:
    """What this process has refused since it began. `seconds` tells the time and only ever goes forward."""

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._counts: Counter[str] = Counter()
        self._lines = Limiter(limit=_LINES_A_MINUTE, seconds=seconds)

    def count(self, source: str) -> None:
        """Count one, and say so in the log unless it was said within the last minute."""
        self._counts[source] += 1
        if self._lines.admits(source):
            _log.warning("signature_refused", source=source, count=self._counts[source])
