"""The days on which something happens to a month's money, and the way from one to the next."""

from datetime import datetime, timedelta

SOON = {"1 second": 1, "1 minute": 60, "10 minutes": 600, "1 hour": 3600, "1 day": 24 * 3600}
DAYS = ("10T10:00", "12T10:00", "15T10:00", "17T10:00", "20T23:59:59", "21T00:00:00", "28T18:00")
STOPS = (*SOON, *DAYS)
# From anywhere: what is in flight is answered, this month closes, another opens, is charged and closes too.
CALM_DAYS = (
    "1 minute",
    "1 hour",
    "1 day",
    "1 day",
    "21T00:00:00",
    "1 day",
    "10T10:00",
    "17T10:00",
    "1 day",
    "21T00:00:00",
)


def next_stop(now: datetime, stop: str) -> datetime:
    """The next such moment after now: a short while, or a day of this month or the next."""
    if stop in SOON:
        return now + timedelta(seconds=SOON[stop])
    day, hour = stop.split("T")
    at = datetime.fromisoformat(f"{now:%Y-%m}-{day}T{hour}").replace(tzinfo=now.tzinfo)
    if at > now:
        return at
    month = (now.replace(day=28) + timedelta(days=4)).strftime("%Y-%m")
    return datetime.fromisoformat(f"{month}-{day}T{hour}").replace(tzinfo=now.tzinfo)
