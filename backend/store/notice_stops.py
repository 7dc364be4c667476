"""SQL that finds, at the moment of sending, what must not go out any more although it was right when it was queued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ChannelName

# An answer and a code are what the customer has just asked for: a stop is about what we begin ourselves.
_STOPPED = text("""
SELECT n.id, n.channel, n.first_sent_at IS NOT NULL AS was_tried
FROM notice n JOIN contact_stop s ON s.channel = n.channel AND s.address = n.address
WHERE n.id = ANY(:ids) AND n.kind NOT IN ('reply', 'code')
ORDER BY n.id
""")

# A code that opens nothing any more would only confuse.
_END_DEAD_CODES = text("""
UPDATE notice n SET state = 'failed', failure = 'code_expired', settled_at = :now FROM verification v
WHERE n.id = ANY(:ids) AND n.kind = 'code' AND n.state = 'queued'
  AND v.id = CAST(n.facts->>'verification_id' AS uuid) AND (v.expires_at <= :now OR v.used_at IS NOT NULL)
RETURNING n.id
""")


# A late reminder may leave on the day of the next one, whose job and the workers run side by side. A push that may have
# arrived goes on under its own key.
_END_SECOND_REMINDERS = text("""
UPDATE notice n SET state = 'failed', failure = 'reminded_today', settled_at = :now
WHERE n.id = ANY(:ids) AND n.dedupe_key LIKE 'reminder-%' AND n.state = 'queued'
  AND (n.first_sent_at IS NULL OR n.channel = 'sms') AND EXISTS (
    SELECT FROM notice other
    WHERE other.request_id = n.request_id AND other.dedupe_key LIKE 'reminder-%' AND other.id <> n.id
      AND other.last_sent_at AT TIME ZONE 'Asia/Tokyo' >= :today
      AND (other.state IN ('sending', 'sent', 'delivered', 'unknown')
           OR other.state = 'queued' AND other.channel = 'line' AND other.first_sent_at IS NOT NULL))
RETURNING n.id
""")


# What asks for a payment would contradict the page while nobody knows whether it has been made.
_BEING_PAID = text("""
SELECT n.id FROM notice n
WHERE n.id = ANY(:ids) AND n.kind IN ('payment_link', 'reminder', 'charge_declined') AND EXISTS (
  SELECT FROM payment_attempt p
  WHERE p.request_id = n.request_id AND p.state IN ('prepared', 'sent', 'challenged', 'unknown'))
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedNotice:
    """A notice whose customer wants none there any more, or whose address is dead."""

    id: int
    channel: ChannelName
    was_tried: bool  # it may have arrived


async def find_stopped(connection: AsyncConnection, *, notice_ids: Sequence[int]) -> list[StoppedNotice]:
    """Which of these claimed notices go to an address that was stopped after they were queued."""
    found = (await connection.execute(_STOPPED, {"ids": list(notice_ids)})).mappings()
    return [StoppedNotice(**{**row, "channel": ChannelName(row["channel"])}) for row in found]


async def end_dead_codes(connection: AsyncConnection, *, notice_ids: Sequence[int], now: datetime) -> list[int]:
    """End codes that have expired or been used; returns them."""
    return list((await connection.execute(_END_DEAD_CODES, {"ids": list(notice_ids), "now": now})).scalars())


async def end_second_reminders(
    connection: AsyncConnection, *, notice_ids: Sequence[int], today: date, now: datetime
) -> list[int]:
    """End reminders of those whom another one has reminded `today` (JST), or is reminding; returns them."""
    values = {"ids": list(notice_ids), "today": today, "now": now}
    return list((await connection.execute(_END_SECOND_REMINDERS, values)).scalars())


async def find_being_paid(connection: AsyncConnection, *, notice_ids: Sequence[int]) -> list[int]:
    """Which of these ask for a payment that is under way, or of which nobody knows the outcome yet."""
    return list((await connection.execute(_BEING_PAID, {"ids": list(notice_ids)})).scalars())
