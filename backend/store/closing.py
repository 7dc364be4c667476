"""SQL that ends payment requests: at the deadline (through `closing`), or because a newer one replaces them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.charging_stops import REMEMBERS_ALL
from backend.store.links import end_links

# No new attempt can begin once the state is `closing`; live ones are ended at the gateway, never by the clock.
_BEGIN = text("""
UPDATE payment_request SET state = 'closing'
WHERE id IN (SELECT id FROM payment_request WHERE state = 'open' AND valid_until <= :now
             ORDER BY id LIMIT :size FOR UPDATE)
RETURNING id
""")

# A press of the last second is its own process's as long as its lease lives (f41); one whose process died ends with it.
_WITHDRAW = text(f"""
WITH withdrawn AS (
  UPDATE payment_attempt SET state = 'withdrawn', settled_at = :now, lease_until = NULL
  WHERE state = 'prepared' AND request_id IN (SELECT id FROM payment_request WHERE state = 'closing')
    AND (lease_until IS NULL OR lease_until < clock_timestamp()) AND {REMEMBERS_ALL}
  RETURNING id, request_id, origin
), released AS (
  DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
)
SELECT request_id FROM withdrawn WHERE origin = 'link'
""")  # noqa: S608 - the condition is ours

_ABANDONED = text("""
SELECT a.id FROM payment_attempt a JOIN payment_request r ON r.id = a.request_id
WHERE r.state = 'closing' AND a.state = 'challenged' AND a.first_sent_at <= :asked_before
""")

# A receipt that waits for approval keeps its request, until one of the bills is paid: then the rest is carried over.
_FINISH = text("""
WITH ended AS (
  UPDATE payment_request r SET state = 'expired', closed_at = :now
  WHERE r.state = 'closing' AND NOT EXISTS (
    SELECT FROM payment_attempt a WHERE a.request_id = r.id
    AND a.state IN ('prepared', 'sent', 'challenged', 'unknown'))
    AND (NOT EXISTS (
        SELECT FROM payment_request_bill m JOIN bill_claim c ON c.bill_id = m.bill_id
        WHERE m.request_id = r.id AND c.receipt_id IS NOT NULL)
      OR EXISTS (
        SELECT FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id
        WHERE m.request_id = r.id AND b.state = 'paid'))
  RETURNING r.id
), released AS (
  UPDATE payment_request_bill m SET is_live = false FROM ended WHERE m.request_id = ended.id RETURNING m.bill_id
), carried AS (
  UPDATE bill SET state = 'carried_over' FROM released
  WHERE bill.id = released.bill_id AND bill.state IN ('requested', 'held')
), unsent AS (
  UPDATE notice n SET state = 'failed', failure = 'request_expired', settled_at = :now FROM ended
  WHERE n.request_id = ended.id AND n.state = 'queued' AND n.kind IN ('payment_link', 'reminder', 'charge_declined')
  RETURNING n.id, n.kind, n.account_id
), never_told AS (
  -- Their URL did not go out in all its days (a channel that refused us, a lost message): people must know.
  INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
  SELECT 'unreachable', 'unreachable:notice:' || id, account_id,
    jsonb_build_object('notice_id', id, 'failure', 'request_expired'), :now
  FROM unsent WHERE kind <> 'reminder'
  ON CONFLICT (dedupe_key) DO NOTHING
), links AS (
  UPDATE payment_link l SET state = 'expired' FROM ended WHERE l.request_id = ended.id AND l.state = 'active'
), changes AS (
  -- A card change whose URL was not used waits for the next bill again (R09).
  UPDATE card_change_request c SET state = 'received'
  FROM payment_request r JOIN ended ON ended.id = r.id
  WHERE c.id = r.card_change_id AND c.state = 'link_sent'
)
SELECT id FROM ended
""")

_VOID = text("""
WITH ended AS (
  UPDATE payment_request SET state = 'void', closed_at = :now
  WHERE id = ANY(:request_ids) AND state = 'open' RETURNING id, carry_over_reason
), released AS (
  UPDATE payment_request_bill m SET is_live = false FROM ended
  WHERE m.request_id = ended.id RETURNING m.bill_id, ended.carry_over_reason
), unsent AS (
  UPDATE notice n SET state = 'failed', failure = 'request_void', settled_at = :now FROM ended
  WHERE n.request_id = ended.id AND n.state = 'queued' AND n.kind IN ('payment_link', 'reminder', 'charge_declined')
)
UPDATE bill
SET state = CASE released.carry_over_reason WHEN 'link_expired' THEN 'carried_over' ELSE 'finalized' END
FROM released WHERE bill.id = released.bill_id AND bill.state IN ('requested', 'held')
""")


async def begin_closing(connection: AsyncConnection, *, now: datetime, size: int) -> list[int]:
    """Stop new payments on requests whose last day is over (R05); returns how they are known."""
    return list((await connection.execute(_BEGIN, {"now": now, "size": size})).scalars())


async def challenged_attempts(connection: AsyncConnection, *, asked_before: datetime) -> list[UUID]:
    """Attempts on closing requests whose 3-D Secure nobody will finish any more: to be cancelled at the gateway."""
    return list((await connection.execute(_ABANDONED, {"asked_before": asked_before})).scalars())


async def withdraw_unsent(connection: AsyncConnection, *, now: datetime) -> list[int]:
    """Take back what was not sent by now, or came back unprocessed (429): nothing begins after the last day.

    A press that its own process is about to send was made before it: it keeps its request until it is sent or its
    lease ends. Returns the requests whose payers had pressed.
    """
    return list((await connection.execute(_WITHDRAW, {"now": now})).scalars())


async def expire_closing(connection: AsyncConnection, *, now: datetime) -> list[int]:
    """Expire the closing requests that no live attempt or receipt holds any more; their bills are carried over (R06).

    Returns the requests that expired.
    """
    return list((await connection.execute(_FINISH, {"now": now})).scalars())


async def void_requests(connection: AsyncConnection, *, request_ids: Sequence[int], now: datetime) -> None:
    """Replace open requests that nobody is paying: bills are freed, the old URL leads to the new one.

    A bill that a receipt holds keeps its claim: no new request asks for it.
    """
    await connection.execute(_VOID, {"request_ids": list(request_ids), "now": now})
    await end_links(connection, request_ids=request_ids, state="superseded")
