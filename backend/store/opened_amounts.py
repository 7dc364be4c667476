"""SQL for what openings have asked for, by URL and by card alike: the sums by which an odd bill file is noticed."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.batch_brake import BatchAmounts
from backend.domain.billing_calendar import first_of_next_month

_BETWEEN = text("""
SELECT count(*) AS attempts, coalesce(sum(amount), 0) AS total,
  coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY amount), 0) AS median
FROM payment_request
WHERE opened_at >= CAST(CAST(:first AS date) AS timestamp) AT TIME ZONE 'Asia/Tokyo'
  AND opened_at < CAST(CAST(:last AS date) + 1 AS timestamp) AT TIME ZONE 'Asia/Tokyo' AND state <> 'void'
""")

_MONTH_BEFORE = text("""
SELECT CAST(date_trunc('month', max(opened_at) AT TIME ZONE 'Asia/Tokyo') AS date) FROM payment_request
WHERE opened_at < CAST(date_trunc('month', CAST(:day AS date)) AS timestamp) AT TIME ZONE 'Asia/Tokyo'
  AND state <> 'void'
""")


async def opened_between(connection: AsyncConnection, *, first: date, last: date) -> BatchAmounts:
    """What was asked for from the first day to the last, both included; replaced requests do not count."""
    row = (await connection.execute(_BETWEEN, {"first": first, "last": last})).mappings().one()
    return BatchAmounts(**{name: int(value) for name, value in row.items()})


async def opened_before(connection: AsyncConnection, *, day: date) -> BatchAmounts | None:
    """What the newest month before that of `day` asked for; None when there is none."""
    first: date | None = (await connection.execute(_MONTH_BEFORE, {"day": day})).scalar_one()
    if first is None:
        return None
    return await opened_between(connection, first=first, last=first_of_next_month(first) - timedelta(days=1))
