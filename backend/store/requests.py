"""SQL for a payment request's own life, and for finding one."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SETTLE = text("""
WITH settled AS (
  UPDATE payment_request SET state = 'settled', closed_at = :now
  WHERE id = :request_id AND state IN ('open', 'closing') RETURNING id
), challenged AS (
  -- A payer who is still authenticating another try must not pay again: it is ended at the gateway at once.
  UPDATE payment_attempt a SET next_check_at = :now FROM settled
  WHERE a.request_id = settled.id AND a.state = 'challenged'
), unsent AS (
  -- Who has paid is not asked to pay by a message that still waits.
  UPDATE notice n SET state = 'failed', failure = 'request_settled', settled_at = :now FROM settled
  WHERE n.request_id = settled.id AND n.state = 'queued'
    AND n.kind IN ('payment_link', 'reminder', 'charge_declined', 'charge_carried_over')
)
UPDATE bill SET state = 'paid', paid_at = :now
FROM payment_request_bill m JOIN settled ON settled.id = m.request_id
WHERE m.bill_id = bill.id AND bill.state IN ('requested', 'held')
""")

_HOLD = text("""
UPDATE bill SET state = :to_state FROM payment_request_bill m
WHERE m.request_id = :request_id AND m.is_live AND m.bill_id = bill.id AND bill.state = :from_state
""")

_BY_LINK = text("""
UPDATE payment_request r SET way = 'link'
WHERE r.id = ANY(:request_ids) AND NOT EXISTS (SELECT FROM payment_attempt a WHERE a.request_id = r.id)
RETURNING r.id
""")

_REMINDABLE = text("""
SELECT r.id FROM payment_request r
WHERE r.state = 'open' AND r.valid_until > :now AND r.id > :after
  AND EXISTS (SELECT FROM payment_link l WHERE l.request_id = r.id AND l.state = 'active'
              AND l.created_at <= :sent_before)
  AND NOT EXISTS (SELECT FROM payment_attempt a WHERE a.request_id = r.id
                  AND a.state IN ('prepared', 'sent', 'challenged', 'unknown'))
  AND NOT EXISTS (SELECT FROM payment_request_bill m JOIN bill_claim c ON c.bill_id = m.bill_id
                  WHERE m.request_id = r.id AND c.receipt_id IS NOT NULL)
  AND NOT EXISTS (SELECT FROM notice n WHERE n.request_id = r.id AND n.link_id IS NOT NULL AND n.kind <> 'reminder'
                  AND n.state = 'queued' AND n.first_sent_at IS NULL)
ORDER BY r.id LIMIT :size
""")


async def settle_request(connection: AsyncConnection, *, request_id: int, now: datetime) -> None:
    """Mark a request and its bills as paid."""
    await connection.execute(_SETTLE, {"request_id": request_id, "now": now})


async def hold_bills(connection: AsyncConnection, *, request_id: int) -> None:
    """Nothing may charge these bills until an unknown outcome is resolved."""
    values = {"request_id": request_id, "from_state": "requested", "to_state": "held"}
    await connection.execute(_HOLD, values)


async def unhold_bills(connection: AsyncConnection, *, request_id: int) -> None:
    """The outcome is known and no money moved: the bills are open again."""
    values = {"request_id": request_id, "from_state": "held", "to_state": "requested"}
    await connection.execute(_HOLD, values)


async def turn_to_links(connection: AsyncConnection, *, request_ids: Sequence[int]) -> list[int]:
    """Automatic requests that got no attempt, because the card died meanwhile, are paid by URL; returns them."""
    return list((await connection.execute(_BY_LINK, {"request_ids": list(request_ids)})).scalars())


async def find_unpaid(
    connection: AsyncConnection, *, now: datetime, sent_before: datetime, after: int, size: int
) -> list[int]:
    """Requests with a working URL that nobody is paying right now, in the order of their ids.

    Not those whose URL itself still waits to be sent: it will be news enough.
    """
    values = {"now": now, "sent_before": sent_before, "after": after, "size": size}
    return list((await connection.execute(_REMINDABLE, values)).scalars())
