"""When to ask the gateway again about an unknown outcome (money.md, resolution)."""

from datetime import datetime, timedelta

_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 24 * 60, 24 * 60 + 5))
# Keys are pruned from 24 h on; replays stop well before (money.md, resolution a and c).
REPLAY_WITHIN = timedelta(hours=20)
ABSENT_IS_FINAL_AFTER = timedelta(hours=24)


def next_check_at(*, sent_at: datetime, now: datetime) -> datetime | None:
    """The next look after the first sending; None when the schedule is over and people must look."""
    for step in _STEPS:
        if sent_at + step > now:
            return sent_at + step
    return None
