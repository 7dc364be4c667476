"""SQL for refunds on the wire: taken by one worker at a time, ended by the gateway's word only (T1 and T2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptState, RefundState

# Giving money back goes on while charging is stopped, except after a restore: then our rows may be older than the
# refunds that were made from them. What else went back meanwhile has withdrawn what does not fit any more; looked at
# once more, because the call cannot be taken back.
_TAKE = text("""
UPDATE refund f SET state = 'sent', first_sent_at = :now, next_check_at = :check_at,
  lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE id IN (
  SELECT p.id FROM refund p
  WHERE p.state = 'prepared' AND p.not_before <= :now AND p.amount <= left_of(p.attempt_id)
    AND (p.lease_until IS NULL OR p.lease_until < clock_timestamp())
    AND NOT EXISTS (SELECT FROM dispute d WHERE d.attempt_id = p.attempt_id AND d.state = 'open')
    AND NOT EXISTS (SELECT FROM charging_stop s WHERE s.reason = 'restore_gate' AND s.lifted_at IS NULL)
    AND NOT database_has_moved()
  ORDER BY p.not_before, p.id LIMIT :size FOR UPDATE SKIP LOCKED)
RETURNING id, charge_reference, amount, created_at, first_sent_at
""")

_TAKE_UNRESOLVED = text("""
UPDATE refund SET checks = checks + 1, lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE id IN (
  SELECT id FROM refund
  WHERE state IN ('sent', 'unknown') AND next_check_at <= :now
    AND (lease_until IS NULL OR lease_until < clock_timestamp())
  ORDER BY next_check_at LIMIT :size FOR UPDATE SKIP LOCKED)
RETURNING id, charge_reference, amount, created_at, first_sent_at,
  amount <= left_of(attempt_id)
    AND NOT EXISTS (SELECT FROM dispute d WHERE d.attempt_id = refund.attempt_id AND d.state = 'open')
    AND NOT EXISTS (SELECT FROM charging_stop WHERE reason = 'restore_gate' AND lifted_at IS NULL)
    AND NOT database_has_moved() AS may_send
""")

_ATTEMPT_OF = text("SELECT attempt_id FROM refund WHERE id = :refund_id")

_LOCK = text("""
SELECT f.id, f.attempt_id, f.charge_reference, f.state, f.amount, f.first_sent_at, f.checks, f.gateway_reference,
  a.state AS attempt_state, a.transaction_id, a.request_id, r.order_number, r.account_id
FROM refund f JOIN payment_attempt a ON a.id = f.attempt_id JOIN payment_request r ON r.id = a.request_id
WHERE f.id = :refund_id FOR UPDATE OF f
""")

_MOVE = text("""
UPDATE refund SET state = :state, gateway_reference = coalesce(:gateway_reference, gateway_reference),
  refusal = CASE WHEN :state = 'succeeded' THEN NULL ELSE coalesce(:refusal, refusal) END,
  next_check_at = :next_check_at, not_before = coalesce(:not_before, not_before), lease_until = NULL,
  settled_at = CASE WHEN :state IN ('succeeded', 'refused') THEN CAST(:now AS timestamptz) END
WHERE id = :refund_id
""")

_STEP = text("""
INSERT INTO refund_step (refund_id, actor, cause, state_before, state_after, gateway_request_id, body, at)
VALUES (:refund_id, :actor, :cause, :state_before, :state_after, :gateway_request_id, CAST(:body AS jsonb), :now)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendableRefund:
    """A refund whose intent to send is committed; `may_send` is False when it may only be looked up."""

    id: UUID
    charge_reference: str
    amount: int
    created_at: datetime
    first_sent_at: datetime
    may_send: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRefund:
    """A refund with its attempt, both locked until the transaction ends."""

    id: UUID
    attempt_id: UUID
    charge_reference: str
    state: RefundState
    amount: int
    first_sent_at: datetime | None
    checks: int
    gateway_reference: str | None
    attempt_state: AttemptState
    transaction_id: str
    request_id: int
    order_number: str
    account_id: int


async def take_prepared(
    connection: AsyncConnection, *, now: datetime, check_at: datetime, size: int, lease_seconds: int
) -> list[SendableRefund]:
    """Mark approved refunds that are due as sent; commit before calling the gateway."""
    values = {"now": now, "check_at": check_at, "size": size, "lease_seconds": lease_seconds}
    return [SendableRefund(**row) for row in (await connection.execute(_TAKE, values)).mappings()]


async def take_unresolved(
    connection: AsyncConnection, *, now: datetime, size: int, lease_seconds: int
) -> list[SendableRefund]:
    """Take refunds whose outcome is open and due to be asked about."""
    values = {"now": now, "size": size, "lease_seconds": lease_seconds}
    return [SendableRefund(**row) for row in (await connection.execute(_TAKE_UNRESOLVED, values)).mappings()]


async def attempt_of(connection: AsyncConnection, *, refund_id: UUID) -> UUID | None:
    """The attempt that a refund belongs to: to be locked first, as everywhere; None when it is not ours."""
    found: UUID | None = (await connection.execute(_ATTEMPT_OF, {"refund_id": refund_id})).scalar_one_or_none()
    return found


async def lock_refund(connection: AsyncConnection, *, refund_id: UUID) -> LockedRefund:
    """Lock a refund whose attempt is locked already."""
    row = (await connection.execute(_LOCK, {"refund_id": refund_id})).mappings().one()
    return LockedRefund(
        **{**row, "state": RefundState(row["state"]), "attempt_state": AttemptState(row["attempt_state"])}
    )


async def move(
    connection: AsyncConnection,
    *,
    refund_id: UUID,
    state: RefundState,
    now: datetime,
    gateway_reference: str | None = None,
    refusal: str | None = None,
    next_check_at: datetime | None = None,
    not_before: datetime | None = None,
) -> None:
    """Write a refund's new state; the database refuses to leave a final one."""
    values = {
        "refund_id": refund_id,
        "state": state,
        "now": now,
        "gateway_reference": gateway_reference,
        "refusal": refusal,
        "next_check_at": next_check_at,
        "not_before": not_before,
    }
    await connection.execute(_MOVE, values)


async def add_step(
    connection: AsyncConnection,
    *,
    refund_id: UUID,
    actor: str,
    cause: str,
    before: RefundState | None,
    after: RefundState,
    now: datetime,
    gateway_request_id: str | None = None,
    body: Mapping[str, object] | None = None,
) -> None:
    """Keep who or what moved a refund, from where to where, and what the gateway said (invariant 19)."""
    values = {
        "refund_id": refund_id,
        "actor": actor,
        "cause": cause,
        "state_before": before,
        "state_after": after,
        "gateway_request_id": gateway_request_id,
        "body": json.dumps(body or {}),
        "now": now,
    }
    await connection.execute(_STEP, values)
