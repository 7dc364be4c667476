"""The days a newcomer travels to: pure date arithmetic in Asia/Tokyo."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

JAPAN = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A place in time with a name for buttons."""

    id: str
    label: str
    note: str
    to: datetime


_DAYS = (
    ("next-10", "次の10日", "URLの送信・自動決済", 10, time(10)),
    ("next-15", "次の15日", "1回目のお知らせ", 15, time(10)),
    ("next-18", "次の18日", "2回目のお知らせ", 18, time(10)),
    ("next-20", "次の20日", "URLの最終日", 20, time(12)),
    ("next-21", "次の21日", "期限切れ・翌月に合算", 21, time(0, 5)),
)


def stops(*, now: datetime) -> tuple[Stop, ...]:
    """Return where one may go from `now` (aware), each strictly later than it."""
    today = now.astimezone(JAPAN)
    coming = [
        Stop(id=name, label=label, note=note, to=next_time(now=today, day=day, at=at))
        for name, label, note, day, at in _DAYS
    ]
    month = Stop(id="month-10", label="来月の10日", note="次の月へ", to=tenth_of_next_month(now=today))
    tomorrow = Stop(id="day-1", label="1日進める", note="同じ時刻のまま", to=today + timedelta(days=1))
    return (*coming, month, tomorrow)


def next_time(*, now: datetime, day: int, at: time) -> datetime:
    """Return the first `day` of a month, at a time of day, after `now`."""
    candidate = datetime.combine(now.date().replace(day=day), at, tzinfo=JAPAN)
    if candidate > now:
        return candidate
    return datetime.combine(_first_of_next_month(now).date().replace(day=day), at, tzinfo=JAPAN)


def tenth_of_next_month(*, now: datetime) -> datetime:
    """Return the 10th of the month after this one, 10:00."""
    return datetime.combine(_first_of_next_month(now).date().replace(day=10), time(10), tzinfo=JAPAN)


def _first_of_next_month(now: datetime) -> datetime:
    return (now.replace(day=1) + timedelta(days=32)).replace(day=1)
