"""SQL for applications to pay with another card (R09-R11)."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ChannelName

_RECEIVE = text("""
INSERT INTO card_change_request (account_id, state, received_at) VALUES (:account_id, 'received', :now)
ON CONFLICT (account_id) WHERE state IN ('received', 'link_sent') DO NOTHING
""")

_LIVE = text("""
SELECT id FROM card_change_request WHERE account_id = :account_id AND state IN ('received', 'link_sent')
""")

_CONTACT = text("""
SELECT right(a.customer_number, 4) AS number_tail, lu.line_user_id, a.phone, stop.address IS NOT NULL AS is_stopped
FROM account a
LEFT JOIN contact_stop stop ON stop.channel = 'sms' AND stop.address = a.phone
LEFT JOIN LATERAL (
  SELECT k.line_user_id FROM line_link k
  LEFT JOIN line_user u ON u.line_user_id = k.line_user_id
  LEFT JOIN contact_stop s ON s.channel = 'line' AND s.address = k.line_user_id
  WHERE k.account_id = a.id AND k.unlinked_at IS NULL AND NOT coalesce(u.is_blocked, false) AND s.address IS NULL
) lu ON true
WHERE a.id = :account_id
""")

_WITHDRAW = text("""
UPDATE card_change_request SET state = 'withdrawn', closed_at = :now
WHERE account_id = :account_id AND state IN ('received', 'link_sent') RETURNING id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How to tell an account's customer something that is not about a payment request."""

    number_tail: str
    channel: ChannelName
    address: str = field(repr=False)


async def receive(connection: AsyncConnection, *, account_id: int, now: datetime) -> int:
    """Write the application down, or find the one that is still waiting (one an account, R11); returns its id."""
    await connection.execute(_RECEIVE, {"account_id": account_id, "now": now})
    return int((await connection.execute(_LIVE, {"account_id": account_id})).scalar_one())


async def find_contact(connection: AsyncConnection, *, account_id: int) -> Contact | None:
    """LINE if linked and not blocked, else SMS; None if the customer has stopped that too."""
    row = (await connection.execute(_CONTACT, {"account_id": account_id})).one()
    if row.line_user_id is None and row.is_stopped:
        return None
    channel = ChannelName.LINE if row.line_user_id else ChannelName.SMS
    return Contact(number_tail=row.number_tail, channel=channel, address=row.line_user_id or row.phone)


async def withdraw(connection: AsyncConnection, *, account_id: int, now: datetime) -> bool:
    """Take the live application back; False when there is none."""
    found = await connection.execute(_WITHDRAW, {"account_id": account_id, "now": now})
    return found.scalar_one_or_none() is not None
