"""SQL that makes room for money which arrived after its attempt or its request had been given up."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_TAKEN = text("""
SELECT EXISTS (
    SELECT FROM bill b JOIN payment_request_bill m ON m.bill_id = b.id
    WHERE m.request_id = :request_id AND b.state IN ('paid', 'void'))
  OR EXISTS (
    SELECT FROM bill_claim c JOIN payment_request_bill m ON m.bill_id = c.bill_id
    JOIN payment_attempt a ON a.id = c.attempt_id
    WHERE m.request_id = :request_id AND a.request_id <> :request_id
      AND a.state IN ('sent', 'challenged', 'unknown', 'succeeded'))
""")

# A worker that is taking one of them is waited for; no worker takes one afterwards.
_LOCK_UNSENT = text("""
SELECT id FROM payment_attempt
WHERE state = 'prepared' AND id <> :attempt_id
  AND id IN (
    SELECT c.attempt_id FROM bill_claim c JOIN payment_request_bill m ON m.bill_id = c.bill_id
    WHERE m.request_id = :request_id)
ORDER BY id FOR UPDATE
""")

_WITHDRAW_OTHERS = text("""
WITH withdrawn AS (
  UPDATE payment_attempt SET state = 'withdrawn', settled_at = :now
  WHERE state = 'prepared' AND id <> :attempt_id
    AND id IN (
      SELECT c.attempt_id FROM bill_claim c JOIN payment_request_bill m ON m.bill_id = c.bill_id
      WHERE m.request_id = :request_id)
  RETURNING id
)
DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
""")

_OTHER_REQUESTS = text("""
SELECT r.id FROM payment_request r
WHERE r.state = 'open' AND r.id <> :request_id AND r.id IN (
  SELECT o.request_id FROM payment_request_bill o JOIN payment_request_bill m ON m.bill_id = o.bill_id
  WHERE o.is_live AND m.request_id = :request_id)
ORDER BY r.id FOR UPDATE
""")

# A bill whose own month has never expired is asked for on any opening day, not only on the last one (R06).
_RENEW = text("""
UPDATE bill b SET state = 'finalized' FROM payment_request_bill m
WHERE m.request_id = ANY(:request_ids) AND b.id = m.bill_id AND b.state = 'carried_over' AND NOT EXISTS (
  SELECT FROM payment_request_bill o JOIN payment_request r ON r.id = o.request_id
  WHERE o.bill_id = b.id AND r.state = 'expired')
""")

_REVIVE = text("""
WITH revived AS (
  UPDATE payment_request SET state = 'closing', closed_at = NULL
  WHERE id = :request_id AND state IN ('expired', 'void') RETURNING id
), members AS (
  UPDATE payment_request_bill m SET is_live = true FROM revived WHERE m.request_id = revived.id RETURNING m.bill_id
)
UPDATE bill SET state = 'held' FROM members
WHERE bill.id = members.bill_id AND bill.state IN ('finalized', 'carried_over')
""")

# A first look at these bills' money and a decline of another charge for them must not pass each other by.
_LOCK_MONEY = text("""
SELECT pg_advisory_xact_lock(hashtextextended('late money:' || r.account_id, 0))
FROM payment_attempt a JOIN payment_request r ON r.id = a.request_id WHERE a.id = :attempt_id
""")

# Money for a bill of this request that another try took and nobody has booked, nor settled by hand.
_UNBOOKED = text("""
SELECT a.id AS attempt_id, e.gateway_reference, e.amount
FROM payment_attempt a JOIN payment_evidence e ON e.attempt_id = a.id
WHERE a.state = 'declined' AND a.request_id <> :request_id
  AND e.outcome = 'succeeded' AND e.amount = a.amount AND e.gateway_reference IS NOT NULL
  AND a.request_id IN (
    SELECT o.request_id FROM payment_request_bill o JOIN payment_request_bill m ON m.bill_id = o.bill_id
    WHERE m.request_id = :request_id)
  AND NOT EXISTS (SELECT FROM staff_task t WHERE t.dedupe_key = 'captured_twice:' || a.id AND t.done_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM refund f WHERE f.attempt_id = a.id AND f.state NOT IN ('refused', 'withdrawn'))
ORDER BY e.id LIMIT 1
""")

_CLAIM = text("""
INSERT INTO bill_claim (bill_id, attempt_id)
SELECT bill_id, :attempt_id FROM payment_request_bill WHERE request_id = :request_id
ON CONFLICT (bill_id) DO UPDATE SET attempt_id = excluded.attempt_id WHERE bill_claim.receipt_id IS NULL
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbookedMoney:
    """What the gateway says it took for a try that had been given up; `amount` in yen."""

    attempt_id: UUID
    gateway_reference: str
    amount: int


async def lock_money(connection: AsyncConnection, *, attempt_id: UUID) -> None:
    """Wait until no other transaction decides about money of this attempt's account; before any row is locked."""
    await connection.execute(_LOCK_MONEY, {"attempt_id": attempt_id})


async def find_unbooked(connection: AsyncConnection, *, request_id: int) -> UnbookedMoney | None:
    """Money that another request's try took for a bill of this one; None when there is none to book."""
    row = (await connection.execute(_UNBOOKED, {"request_id": request_id})).mappings().one_or_none()
    return UnbookedMoney(**row) if row else None


async def is_taken_otherwise(connection: AsyncConnection, *, request_id: int) -> bool:
    """Whether a bill of this request is paid already, or another request's charge of it is on the wire."""
    return bool((await connection.execute(_TAKEN, {"request_id": request_id})).scalar_one())


async def lock_unsent(connection: AsyncConnection, *, attempt_id: UUID, request_id: int) -> None:
    """Keep workers from sending the other tries to charge these bills until the transaction ends."""
    await connection.execute(_LOCK_UNSENT, {"attempt_id": attempt_id, "request_id": request_id})


async def withdraw_others(connection: AsyncConnection, *, attempt_id: UUID, request_id: int, now: datetime) -> None:
    """Take back every try to charge these bills that was not sent yet."""
    values = {"attempt_id": attempt_id, "request_id": request_id, "now": now}
    await connection.execute(_WITHDRAW_OTHERS, values)


async def lock_other_requests(connection: AsyncConnection, *, request_id: int) -> list[int]:
    """Open requests that ask for bills of this one."""
    return list((await connection.execute(_OTHER_REQUESTS, {"request_id": request_id})).scalars())


async def renew_bills(connection: AsyncConnection, *, request_ids: list[int]) -> None:
    """Let the other bills of requests that were just voided be asked for again soon."""
    await connection.execute(_RENEW, {"request_ids": request_ids})


async def revive_request(connection: AsyncConnection, *, request_id: int) -> None:
    """Take an ended request back into `closing`, with its bills, so that it can be settled like any other."""
    await connection.execute(_REVIVE, {"request_id": request_id})


async def claim_bills(connection: AsyncConnection, *, attempt_id: UUID, request_id: int) -> None:
    """A charge that succeeded holds its bills for ever, also after a try on the wire has ended without money."""
    await connection.execute(_CLAIM, {"attempt_id": attempt_id, "request_id": request_id})
