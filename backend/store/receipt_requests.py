"""SQL for what a decided receipt means for the request that asked for its bill."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import RequestState

_LIVE_REQUEST = text("""
SELECT r.id, r.account_id, r.state,
  count(*) FILTER (WHERE b.state <> 'paid') AS unpaid,
  r.way = 'automatic' AND r.state = 'open' AND r.valid_until > :now
    AND NOT EXISTS (SELECT FROM payment_link l WHERE l.request_id = r.id AND l.state = 'active')
    AND NOT EXISTS (SELECT FROM bill_claim c JOIN payment_request_bill o ON o.bill_id = c.bill_id
                    WHERE o.request_id = r.id) AS waits_for_a_charge
FROM payment_request r
JOIN payment_request_bill m ON m.request_id = r.id
JOIN bill b ON b.id = m.bill_id
WHERE r.id = (SELECT l.request_id FROM payment_request_bill l WHERE l.bill_id = :bill_id AND l.is_live)
  AND r.state IN ('open', 'closing')
GROUP BY r.id
""")

# The URL was not used to enter another card: the application waits for the next bill (R09).
_RETURN_CARD_CHANGE = text("""
UPDATE card_change_request SET state = 'received'
WHERE id = (SELECT card_change_id FROM payment_request WHERE id = :request_id) AND state = 'link_sent'
""")

_LIVE_CHANGE = text("""
SELECT id FROM card_change_request WHERE account_id = :account_id AND state IN ('received', 'link_sent')
""")

_TURN_TO_LINK = text("""
WITH changed AS (
  UPDATE card_change_request SET state = 'link_sent' WHERE id = CAST(:change_id AS bigint)
)
UPDATE payment_request SET way = 'link', card_change_id = coalesce(CAST(:change_id AS bigint), card_change_id)
WHERE id = :request_id
""")

# Whether the customer was, or may have been, given a URL for this bill.
_WAS_ASKED = text("""
SELECT EXISTS (
  SELECT FROM notice n JOIN payment_request_bill m ON m.request_id = n.request_id
  WHERE m.bill_id = :bill_id AND n.kind IN ('payment_link', 'reminder', 'charge_declined')
    AND n.first_sent_at IS NOT NULL AND n.state <> 'failed')
""")

# A card's late money is a fact, a recorded receipt one person's word: the card's money is booked.
_OVERTAKE = text("""
DELETE FROM bill_claim c USING payment_request_bill m, receipt r
WHERE m.request_id = :request_id AND c.bill_id = m.bill_id AND r.id = c.receipt_id AND r.state = 'recorded'
RETURNING c.receipt_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequest:
    """The request that asks for a bill right now; `unpaid` counts its bills that are not paid."""

    id: int
    account_id: int
    state: RequestState
    unpaid: int
    waits_for_a_charge: bool  # an automatic one whose charge was taken back, with nothing in its place


async def find_live_request(connection: AsyncConnection, *, bill_id: int, now: datetime) -> LiveRequest | None:
    """The live request of a bill; None when nobody asks for the bill now."""
    row = (await connection.execute(_LIVE_REQUEST, {"bill_id": bill_id, "now": now})).mappings().one_or_none()
    return LiveRequest(**{**row, "state": RequestState(row["state"])}) if row else None


async def return_card_change(connection: AsyncConnection, *, request_id: int) -> None:
    """Let an application for another card wait for the next bill."""
    await connection.execute(_RETURN_CARD_CHANGE, {"request_id": request_id})


async def find_card_change(connection: AsyncConnection, *, account_id: int) -> int | None:
    """The account's waiting application for another card."""
    return (await connection.execute(_LIVE_CHANGE, {"account_id": account_id})).scalar_one_or_none()


async def turn_to_link(connection: AsyncConnection, *, request_id: int, change_id: int | None) -> None:
    """Have an automatic request paid by URL, because no card may be charged for it."""
    await connection.execute(_TURN_TO_LINK, {"request_id": request_id, "change_id": change_id})


async def was_asked_by_url(connection: AsyncConnection, *, bill_id: int) -> bool:
    """Whether a URL for this bill may have reached the customer."""
    return bool((await connection.execute(_WAS_ASKED, {"bill_id": bill_id})).scalar_one())


async def overtake_receipts(connection: AsyncConnection, *, request_id: int) -> list[int]:
    """Release the claims of recorded receipts, because a card has paid these bills; returns the receipts."""
    return list((await connection.execute(_OVERTAKE, {"request_id": request_id})).scalars())
