"""When to ask the gateway again about an unknown outcome (money.md, resolution)."""

from datetime import datetime, timedelta

_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 24 * 60, 24 * 60 + 5))
_DAILY = timedelta(days=1)  # a gateway that was away for days still brings the answer one day
# Keys are pruned from 24 h on; replays stop well before (money.md, resolution a and c).
REPLAY_WITHIN = timedelta(hours=20)
ABSENT_IS_FINAL_AFTER = timedelta(hours=24)


def next_check_at(*, sent_at: datetime, now: datetime) -> datetime:
    """The next look after the first sending; once a day when the schedule is over."""
    return next((sent_at + step for step in _STEPS if sent_at + step > now), now + _DAILY)


def is_schedule_over(*, sent_at: datetime, now: datetime) -> bool:
    """Whether it is time that people look as well."""
    return sent_at + _STEPS[-1] <= now
