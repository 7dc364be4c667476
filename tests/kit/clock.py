"""A clock that stands where a test puts it."""

from datetime import datetime, timedelta

from backend.domain.billing_calendar import JST


class FakeClock:
    """Passes the same port as the real clocks; time moves only when the test says so."""

    is_real = False  # the database's clock knows nothing of it

    def __init__(self, at: str = "2026-11-10T10:00") -> None:
        self._now = jst(at)

    def now(self) -> datetime:
        return self._now

    def placed(self, told: datetime) -> datetime:
        return told

    async def refresh(self) -> None:
        """The test is the only mover of this clock."""

    def go_to(self, at: str) -> datetime:
        self._now = jst(at)
        return self._now

    def forward(self, **step: float) -> datetime:
        self._now += timedelta(**step)
        return self._now


def jst(at: str) -> datetime:
    """An instant in Asia/Tokyo from `2026-11-10T10:00`."""
    return datetime.fromisoformat(at).replace(tzinfo=JST)
