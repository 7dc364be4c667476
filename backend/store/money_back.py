"""SQL for what refunds and disputes leave of a payment: the bills' states, and an attempt that had been given up."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.gateway_objects import DisputeState, GatewayDispute, GatewayRefund
from backend.domain.states import RefundState

# Of the booked charge only (migration 0007): a second one that the gateway made under the attempt paid nothing.
_SUMS = text("""
SELECT captured_by(:attempt_id) AS captured, gone_of(:attempt_id) AS gone,
  EXISTS (SELECT FROM dispute WHERE attempt_id = :attempt_id AND charge_reference = booked_charge(:attempt_id)
          AND state = 'open') AS is_disputed
""")

_IS_BOOKED = text("SELECT booked_charge(:attempt_id) = :charge_reference")

# Only bills that this very attempt has paid: their claim is its own.
_MARK_BILLS = text("""
UPDATE bill b SET state = :state FROM bill_claim c, payment_attempt a
WHERE c.attempt_id = :attempt_id AND a.id = c.attempt_id AND a.state = 'succeeded' AND b.id = c.bill_id
  AND b.state IN ('paid', 'disputed') AND b.state <> :state
""")

_FIND_ATTEMPT = text("""
SELECT a.id FROM payment_attempt a
WHERE a.id = :attempt_id OR a.gateway_reference = :charge_reference
  OR EXISTS (SELECT FROM payment_evidence e WHERE e.attempt_id = a.id AND e.gateway_reference = :charge_reference)
ORDER BY a.id = :attempt_id DESC LIMIT 1
""")

_KNOWN_REFUND = text("SELECT id FROM refund WHERE gateway_reference = :gateway_reference")

_FOREIGN = text("""
INSERT INTO refund (attempt_id, charge_reference, origin, state, amount, reason, gateway_reference, created_at,
  settled_at)
VALUES (:attempt_id, :charge_reference, 'console', 'succeeded', :amount, 'gateway console', :gateway_reference,
  :refunded_at, :now)
ON CONFLICT (gateway_reference) DO NOTHING
RETURNING id
""")

# What was promised and does not fit any more beside money that went back without us.
_OVERTAKEN = text("""
UPDATE refund f SET state = 'withdrawn', settled_at = :now
FROM (SELECT id, state FROM refund WHERE attempt_id = :attempt_id AND origin = 'staff'
      AND state IN ('requested', 'prepared') AND amount > left_of(:attempt_id) FOR UPDATE) before
WHERE f.id = before.id
RETURNING f.id, f.amount, before.state
""")

_DISPUTE = text("""
INSERT INTO dispute (gateway, gateway_reference, charge_reference, attempt_id, account_id, amount, reason, state,
  opened_at, closed_at, recorded_at)
VALUES (:gateway, :gateway_reference, :charge_reference, :attempt_id, :account_id, :amount, :reason, :state, :opened_at,
  :closed_at, :now)
ON CONFLICT (gateway, gateway_reference) DO NOTHING
RETURNING id
""")

_CLOSE_DISPUTE = text("""
UPDATE dispute SET state = :state, closed_at = :closed_at
WHERE gateway = :gateway AND gateway_reference = :gateway_reference AND state = 'open' AND :state <> 'open'
RETURNING id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneySums:
    """What the gateway took for an attempt and what of it is gone again, in yen."""

    captured: int
    gone: int
    is_disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OvertakenRefund:
    """A refund that we have just taken back: how large it was (yen) and how far it had come."""

    id: UUID
    amount: int
    state: RefundState


async def sums(connection: AsyncConnection, *, attempt_id: UUID) -> MoneySums:
    """Count an attempt's money; locks the attempt."""
    row = (await connection.execute(_SUMS, {"attempt_id": attempt_id})).mappings().one()
    return MoneySums(captured=row["captured"], gone=int(row["gone"]), is_disputed=row["is_disputed"])


async def is_booked_charge(connection: AsyncConnection, *, attempt_id: UUID, charge_reference: str) -> bool:
    """Whether this is the charge whose money is counted for the attempt, not a second one made under it."""
    values = {"attempt_id": attempt_id, "charge_reference": charge_reference}
    return bool((await connection.execute(_IS_BOOKED, values)).scalar_one())


async def is_all_gone(connection: AsyncConnection, *, attempt_id: UUID) -> bool:
    """Whether the gateway took money for this attempt and all of it went back; locks the attempt."""
    money = await sums(connection, attempt_id=attempt_id)
    return 0 < money.captured <= money.gone


async def mark_bills(connection: AsyncConnection, *, attempt_id: UUID, state: str) -> None:
    """Say of the bills that this attempt has paid what became of the money: paid, disputed or refunded."""
    await connection.execute(_MARK_BILLS, {"attempt_id": attempt_id, "state": state})


async def find_attempt(connection: AsyncConnection, *, attempt_id: UUID | None, charge_reference: str) -> UUID | None:
    """Our attempt behind a charge, by the id that the gateway keeps for us or by the charge itself."""
    values = {"attempt_id": attempt_id, "charge_reference": charge_reference}
    found: UUID | None = (await connection.execute(_FIND_ATTEMPT, values)).scalar_one_or_none()
    return found


async def find_refund(connection: AsyncConnection, *, gateway_reference: str) -> UUID | None:
    """Our row of a refund that the gateway names."""
    values = {"gateway_reference": gateway_reference}
    found: UUID | None = (await connection.execute(_KNOWN_REFUND, values)).scalar_one_or_none()
    return found


async def insert_foreign_refund(
    connection: AsyncConnection, *, attempt_id: UUID, refund: GatewayRefund, now: datetime
) -> UUID | None:
    """Write down a refund that was made at the gateway's console; None when it is known."""
    values = {
        "attempt_id": attempt_id,
        "charge_reference": refund.charge_reference,
        "amount": refund.amount,
        "gateway_reference": refund.gateway_reference,
        "refunded_at": refund.refunded_at,
        "now": now,
    }
    found: UUID | None = (await connection.execute(_FOREIGN, values)).scalar_one_or_none()
    return found


async def withdraw_overtaken(connection: AsyncConnection, *, attempt_id: UUID, now: datetime) -> list[OvertakenRefund]:
    """Take back refunds that were not sent and are larger than what is left of the charge; returns them."""
    rows = (await connection.execute(_OVERTAKEN, {"attempt_id": attempt_id, "now": now})).mappings()
    return [OvertakenRefund(**{**row, "state": RefundState(row["state"])}) for row in rows]


async def insert_dispute(
    connection: AsyncConnection,
    *,
    gateway: str,
    dispute: GatewayDispute,
    attempt_id: UUID | None,
    account_id: int | None,
    now: datetime,
) -> bool:
    """Write down a dispute; False when it is known."""
    values = {
        **_dispute_values(gateway, dispute),
        "charge_reference": dispute.charge_reference,
        "attempt_id": attempt_id,
        "account_id": account_id,
        "amount": dispute.amount,
        "reason": dispute.reason,
        "opened_at": dispute.opened_at,
        "now": now,
    }
    return (await connection.execute(_DISPUTE, values)).scalar_one_or_none() is not None


async def close_dispute(connection: AsyncConnection, *, gateway: str, dispute: GatewayDispute) -> bool:
    """Write down how a dispute ended; False unless it was open and has ended."""
    found = await connection.execute(_CLOSE_DISPUTE, _dispute_values(gateway, dispute))
    return found.scalar_one_or_none() is not None


def _dispute_values(gateway: str, dispute: GatewayDispute) -> dict[str, object]:
    is_open = dispute.state is DisputeState.OPEN
    return {
        "gateway": gateway,
        "gateway_reference": dispute.gateway_reference,
        "state": dispute.state,
        "closed_at": None if is_open else dispute.closed_at or dispute.opened_at,
    }
