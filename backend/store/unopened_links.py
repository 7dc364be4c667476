"""SQL for URLs that a channel has taken and nobody has opened: perhaps a block, or an SMS that never came (f49)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Opened means that somebody has gone on from the first page: link previews and scanners open URLs too (f43).
_UNOPENED = text("""
SELECT n.id, n.address AS line_user_id, coalesce(u.is_blocked, false) AS is_blocked
FROM payment_request r
JOIN payment_link l ON l.request_id = r.id AND l.state = 'active'
JOIN notice n ON n.link_id = l.id AND n.request_id = r.id
LEFT JOIN line_user u ON u.line_user_id = n.address
WHERE r.state = 'open' AND r.valid_until > :now AND n.id > :after
  AND n.channel = 'line' AND n.kind IN ('payment_link', 'charge_declined')
  AND n.state = 'sent' AND n.settled_at <= :sent_before
  AND NOT EXISTS (SELECT FROM page_session s WHERE s.link_id = l.id)
ORDER BY n.id LIMIT :size
""")

# The customer may have opened it, paid, or been given a new URL while LINE was asked.
_STILL_SILENT = text("""
SELECT n.id FROM notice n JOIN payment_request r ON r.id = n.request_id
WHERE n.id = :notice_id AND n.state = 'sent' AND r.state = 'open'
  AND NOT EXISTS (SELECT FROM page_session s WHERE s.link_id = n.link_id)
FOR UPDATE OF n
""")

# Pushed into a block that LINE told of afterwards. What was first tried before the block may have been read.
_SWALLOWED = text("""
SELECT n.id FROM notice n
JOIN payment_request r ON r.id = n.request_id
JOIN payment_link l ON l.id = n.link_id AND l.state = 'active'
WHERE n.channel = 'line' AND n.address = :line_user_id AND n.kind IN ('payment_link', 'charge_declined')
  AND n.state = 'sent' AND n.first_sent_at > :sent_after
  AND r.state = 'open' AND r.valid_until > :now
  AND NOT EXISTS (SELECT FROM page_session s WHERE s.link_id = l.id)
FOR UPDATE OF n
""")


# The URL went to the carrier, which never said that it arrived, and in all its days nobody opened it, asked for it
# again or got another message with it. One matter an account, whatever else people know of it, month after month.
_NEVER_SEEN = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT DISTINCT ON (r.account_id) 'unreachable', 'unreachable:unopened:' || r.account_id, r.account_id,
  jsonb_build_object('notice_id', n.id, 'failure', 'not_opened'), CAST(:now AS timestamptz)
FROM notice n
JOIN payment_request r ON r.id = n.request_id
WHERE n.request_id = ANY(:request_ids) AND n.channel = 'sms' AND n.kind IN ('payment_link', 'charge_declined')
  AND n.state = 'sent'
  AND NOT EXISTS (SELECT FROM page_session s WHERE s.link_id = n.link_id)
  AND NOT EXISTS (SELECT FROM notice other WHERE other.address = n.address AND other.link_id = n.link_id
                  AND (other.state = 'delivered' OR other.kind = 'reply'))
  AND NOT EXISTS (SELECT FROM staff_task t
                  WHERE t.account_id = r.account_id AND t.kind = 'unreachable' AND t.done_at IS NULL)
ORDER BY r.account_id, n.id
ON CONFLICT (dedupe_key) DO UPDATE SET done_at = NULL, detail = excluded.detail, created_at = excluded.created_at
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnopenedLink:
    """A notice with a URL that was sent by LINE; `is_blocked` as far as LINE's events have told."""

    id: int
    line_user_id: str = field(repr=False)
    is_blocked: bool


async def find_unopened(
    connection: AsyncConnection, *, now: datetime, sent_before: datetime, after: int, size: int
) -> list[UnopenedLink]:
    """URLs of open requests that LINE took before `sent_before`, in the order of their notices."""
    values = {"now": now, "sent_before": sent_before, "after": after, "size": size}
    return [UnopenedLink(**row) for row in (await connection.execute(_UNOPENED, values)).mappings()]


async def lock_still_silent(connection: AsyncConnection, *, notice_id: int) -> bool:
    """Lock the notice; whether its URL is still open and nobody has used it."""
    return (await connection.execute(_STILL_SILENT, {"notice_id": notice_id})).one_or_none() is not None


async def lock_swallowed(
    connection: AsyncConnection, *, line_user_id: str, sent_after: datetime, now: datetime
) -> list[int]:
    """Notices with an open URL that was not tried before `sent_after`, a block of this user, and that nobody opened."""
    values = {"line_user_id": line_user_id, "sent_after": sent_after, "now": now}
    return list((await connection.execute(_SWALLOWED, values)).scalars())


async def report_never_seen(connection: AsyncConnection, *, request_ids: Sequence[int], now: datetime) -> None:
    """Of these requests, which have just expired, list those for people whose URL by SMS most likely never came."""
    await connection.execute(_NEVER_SEEN, {"request_ids": list(request_ids), "now": now})
