"""When to ask the gateway again about an unknown outcome (money.md, resolution)."""

from datetime import datetime, timedelta

_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 24 * 60, 24 * 60 + 5))
_DAILY = timedelta(days=1)  # the gateway answers, and still does not know: people look as well
# The gateway is away: who waits must know within a quarter of an hour of its return.
_UNANSWERED = timedelta(minutes=10)
CHALLENGE_LIFE = timedelta(minutes=30)  # how long a payer may take for 3-D Secure, also past the last midnight
# Keys are pruned from 24 h on; replays stop well before (money.md, resolution a and c).
REPLAY_WITHIN = timedelta(hours=20)
ABSENT_IS_FINAL_AFTER = timedelta(hours=24)


def next_check_at(*, sent_at: datetime, now: datetime, is_answered: bool) -> datetime:
    """The next look after the first sending; once a day when the schedule is over.

    While the gateway does not answer at all (`is_answered` False) it is asked at least every ten minutes, so that its
    return is noticed whatever the schedule says.
    """
    planned = next((sent_at + step for step in _STEPS if sent_at + step > now), now + _DAILY)
    return planned if is_answered else min(planned, now + _UNANSWERED)


def is_schedule_over(*, sent_at: datetime, now: datetime) -> bool:
    """Whether it is time that people look as well."""
    return sent_at + _STEPS[-1] <= now
