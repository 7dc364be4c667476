"""SQL that ends a try to move money: lock it, keep what the gateway said, move its state, free its bills (T2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptOrigin, AttemptState
from backend.domain.untrusted_json import storable

_FIND = text("""
SELECT a.id, a.request_id, a.state, a.origin, a.amount, a.card_id, a.charge_request, a.gateway_reference,
  a.first_sent_at, a.checks, r.state AS request_state, r.valid_until, r.account_id, r.order_number, a.transaction_id
FROM payment_attempt a JOIN payment_request r ON r.id = a.request_id
WHERE a.id = :attempt_id FOR UPDATE
""")

_MOVE = text("""
UPDATE payment_attempt SET state = :state, gateway_reference = coalesce(:gateway_reference, gateway_reference),
  decline_class = :decline_class, decline_code = :decline_code, next_check_at = :next_check_at, lease_until = NULL,
  settled_at = CASE WHEN :state IN ('succeeded', 'declined') THEN CAST(:now AS timestamptz) END,
  errored_at = CASE WHEN :state = 'unknown' AND checks = 0 THEN CAST(:now AS timestamptz) ELSE errored_at END
WHERE id = :attempt_id
""")

_EVIDENCE = text("""
INSERT INTO payment_evidence (attempt_id, source, outcome, gateway_request_id, gateway_reference, amount, body, at)
VALUES (:attempt_id, :source, :outcome, :gateway_request_id, :gateway_reference, :amount, CAST(:body AS jsonb), :now)
""")

# Another try of the same request may have paid meanwhile (late money): then the bills are its own.
_HAND_OVER = text("""
UPDATE bill_claim c SET attempt_id = paid.id FROM payment_attempt ended, payment_attempt paid
WHERE c.attempt_id = :attempt_id AND ended.id = c.attempt_id
  AND paid.request_id = ended.request_id AND paid.state = 'succeeded'
""")

_RELEASE = text("DELETE FROM bill_claim WHERE attempt_id = :attempt_id")

_POSTPONE = text("""
UPDATE payment_attempt SET state = 'prepared', not_before = :not_before, first_sent_at = NULL, witnessed_at = NULL,
  next_check_at = NULL, lease_until = NULL, errored_at = :now WHERE id = :attempt_id AND state = 'sent' AND checks = 0
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedAttempt:
    """An attempt with its request, locked until the transaction ends."""

    id: UUID
    request_id: int
    state: AttemptState
    origin: AttemptOrigin
    amount: int
    card_id: int
    charge_request: Mapping[str, object]
    gateway_reference: str | None
    first_sent_at: datetime | None
    checks: int
    request_state: str
    valid_until: datetime  # the request's, exclusive
    account_id: int
    order_number: str
    transaction_id: str


async def lock_attempt(connection: AsyncConnection, *, attempt_id: UUID) -> LockedAttempt:
    """Lock an attempt and its request for recording an outcome (T2)."""
    row = (await connection.execute(_FIND, {"attempt_id": attempt_id})).mappings().one()
    return LockedAttempt(**{**row, "state": AttemptState(row["state"]), "origin": AttemptOrigin(row["origin"])})


async def move_attempt(
    connection: AsyncConnection,
    *,
    attempt_id: UUID,
    state: AttemptState,
    now: datetime,
    gateway_reference: str | None = None,
    decline_class: str | None = None,
    decline_code: str | None = None,
    next_check_at: datetime | None = None,
) -> None:
    """Write an attempt's new state; the database refuses to leave a final one."""
    values = {
        "attempt_id": attempt_id,
        "state": state,
        "now": now,
        "gateway_reference": gateway_reference,
        "decline_class": decline_class,
        "decline_code": decline_code,
        "next_check_at": next_check_at,
    }
    await connection.execute(_MOVE, values)


async def add_evidence(
    connection: AsyncConnection,
    *,
    attempt_id: UUID,
    source: str,
    outcome: str,
    gateway_request_id: str | None,
    body: Mapping[str, object],
    now: datetime,
    money: tuple[str, int] | None = None,
) -> None:
    """Keep what the gateway said, word by word, as far as jsonb can hold it.

    `money` is the charge and the amount (yen) that it says it took.
    """
    gateway_reference, amount = money or (None, None)
    values = {
        "attempt_id": attempt_id,
        "source": source,
        "outcome": outcome,
        "gateway_request_id": gateway_request_id,
        "gateway_reference": gateway_reference,
        "amount": amount,
        "body": json.dumps(storable(body)),
        "now": now,
    }
    await connection.execute(_EVIDENCE, values)


async def release_claims(connection: AsyncConnection, *, attempt_id: UUID) -> None:
    """Let the bills of an attempt that ended without money be paid another way, unless they have been."""
    await connection.execute(_HAND_OVER, {"attempt_id": attempt_id})
    await connection.execute(_RELEASE, {"attempt_id": attempt_id})


async def postpone(connection: AsyncConnection, *, attempt_id: UUID, not_before: datetime, now: datetime) -> None:
    """Put an attempt back that the gateway certainly did not process (429)."""
    await connection.execute(_POSTPONE, {"attempt_id": attempt_id, "not_before": not_before, "now": now})
