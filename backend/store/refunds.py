"""SQL for asking for refunds: bounded by what was captured, approved by a second person, one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptState, RefundOrigin, RefundState

_LOCK_ATTEMPT = text("""
SELECT a.id FROM payment_attempt a JOIN payment_request r ON r.id = a.request_id
WHERE a.transaction_id = :transaction_id FOR UPDATE
""")

# A statement of its own after the lock. Only the booked charge can go back from here (migration 0007).
_REFUNDABLE = text("""
SELECT a.id AS attempt_id, a.transaction_id, r.order_number, r.account_id, a.state,
  booked_charge(a.id) AS charge_reference, captured_by(a.id) AS captured,
  gone_of(a.id) + coalesce((SELECT sum(f.amount) FROM refund f
    WHERE f.attempt_id = a.id AND f.state IN ('requested', 'prepared', 'sent', 'unknown')), 0) AS gone,
  EXISTS (SELECT FROM dispute d WHERE d.attempt_id = a.id AND d.state = 'open') AS is_disputed
FROM payment_attempt a JOIN payment_request r ON r.id = a.request_id WHERE a.id = :attempt_id
""")

_LIVE = text("""
SELECT id, amount, reason, requested_by, state FROM refund
WHERE attempt_id = :attempt_id AND state IN ('requested', 'prepared', 'sent', 'unknown')
""")

_ASK = text("""
INSERT INTO refund (attempt_id, charge_reference, origin, state, amount, reason, requested_by, created_at)
VALUES (:attempt_id, :charge_reference, 'staff', 'requested', :amount, :reason, :requested_by, :now)
RETURNING id
""")

_APPROVE = text("""
UPDATE refund f SET state = 'prepared', approved_by = :by, approved_at = :now, not_before = :now
WHERE id = :refund_id AND state = 'requested' AND lower(btrim(requested_by)) <> lower(btrim(CAST(:by AS text)))
  AND amount <= left_of(attempt_id)
  AND NOT EXISTS (SELECT FROM dispute d WHERE d.attempt_id = f.attempt_id AND d.state = 'open')
RETURNING id
""")

_WITHDRAW = text("""
UPDATE refund SET state = 'withdrawn', settled_at = :now
WHERE id = :refund_id AND state IN ('requested', 'prepared')
RETURNING id
""")

_LOOK = text("""
SELECT f.id, f.state, f.requested_by, f.approved_by, f.amount > left_of(f.attempt_id) AS is_too_much,
  EXISTS (SELECT FROM dispute d WHERE d.attempt_id = f.attempt_id AND d.state = 'open') AS is_disputed
FROM refund f WHERE f.id = :refund_id
""")

_LIST = text("""
SELECT f.id, f.state, f.origin, f.amount, f.reason, f.requested_by, f.approved_by, f.refusal, f.created_at,
  f.settled_at, a.transaction_id, r.order_number
FROM refund f JOIN payment_attempt a ON a.id = f.attempt_id JOIN payment_request r ON r.id = a.request_id
WHERE CAST(:is_all AS boolean) OR f.state IN ('requested', 'prepared', 'sent', 'unknown')
ORDER BY f.created_at, f.id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """An attempt, locked, and what of it can still go back. Amounts in yen."""

    attempt_id: UUID
    transaction_id: str
    order_number: str
    account_id: int
    state: AttemptState
    charge_reference: str | None
    captured: int
    gone: int  # given back, promised to be, or lost to the card company
    is_disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRefund:
    """The refund of an attempt that is on its way."""

    id: UUID
    amount: int
    reason: str
    requested_by: str
    state: RefundState


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefund:
    """A refund as it stands, not locked."""

    id: UUID
    state: RefundState
    requested_by: str | None
    approved_by: str | None
    is_too_much: bool  # more than is left of the charge now
    is_disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRefund:
    """A refund as people see it on the list."""

    id: UUID
    state: RefundState
    origin: RefundOrigin
    amount: int
    reason: str
    requested_by: str | None
    approved_by: str | None
    refusal: str | None
    created_at: datetime
    settled_at: datetime | None
    transaction_id: str
    order_number: str


async def lock_refundable(connection: AsyncConnection, *, transaction_id: str) -> Refundable | None:
    """Lock the attempt of this transaction ID and count what can go back; None when there is no such attempt."""
    attempt_id = (await connection.execute(_LOCK_ATTEMPT, {"transaction_id": transaction_id})).scalar_one_or_none()
    if attempt_id is None:
        return None
    row = (await connection.execute(_REFUNDABLE, {"attempt_id": attempt_id})).mappings().one()
    return Refundable(**{**row, "state": AttemptState(row["state"]), "gone": int(row["gone"])})


async def find_live(connection: AsyncConnection, *, attempt_id: UUID) -> LiveRefund | None:
    """The refund of this attempt that has not ended, if any."""
    row = (await connection.execute(_LIVE, {"attempt_id": attempt_id})).mappings().one_or_none()
    return LiveRefund(**{**row, "state": RefundState(row["state"])}) if row else None


async def ask_for(
    connection: AsyncConnection, *, refundable: Refundable, amount: int, reason: str, by: str, now: datetime
) -> UUID:
    """Write down that one person wants this refund; the database refuses more than was captured."""
    values = {
        "attempt_id": refundable.attempt_id,
        "charge_reference": refundable.charge_reference,
        "amount": amount,
        "reason": reason,
        "requested_by": by,
        "now": now,
    }
    refund_id: UUID = (await connection.execute(_ASK, values)).scalar_one()
    return refund_id


async def approve(connection: AsyncConnection, *, refund_id: UUID, by: str, now: datetime) -> bool:
    """Let a requested refund be sent.

    False unless it waits, another person asked for it, that much is left of the charge, and nothing is disputed.
    """
    values = {"refund_id": refund_id, "by": by, "now": now}
    return (await connection.execute(_APPROVE, values)).scalar_one_or_none() is not None


async def withdraw(connection: AsyncConnection, *, refund_id: UUID, now: datetime) -> bool:
    """Take a refund back that was not sent; False when it was, or has ended."""
    found = await connection.execute(_WITHDRAW, {"refund_id": refund_id, "now": now})
    return found.scalar_one_or_none() is not None


async def find(connection: AsyncConnection, *, refund_id: UUID) -> KnownRefund | None:
    """A refund by its id."""
    row = (await connection.execute(_LOOK, {"refund_id": refund_id})).mappings().one_or_none()
    return KnownRefund(**{**row, "state": RefundState(row["state"])}) if row else None


async def list_refunds(connection: AsyncConnection, *, is_all: bool) -> Sequence[ListedRefund]:
    """The refunds on their way, or all of them, oldest first."""
    rows = (await connection.execute(_LIST, {"is_all": is_all})).mappings()
    return [
        ListedRefund(**{**row, "state": RefundState(row["state"]), "origin": RefundOrigin(row["origin"])})
        for row in rows
    ]
