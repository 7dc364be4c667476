"""What a card gateway's own books hold: movements of money, payouts, refunds and disputes. Amounts are positive yen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class MovementKind(StrEnum):
    """What moved money at the gateway."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"  # takes money back when opened, gives it back when won (`status`)


class DisputeState(StrEnum):
    """open → won | lost. While it is open, nothing of the charge can be refunded (invariant 17)."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTransaction:
    """One movement of money in the gateway's account.

    `line_reference` names the movement, `gateway_reference` the object behind it (charge, refund or dispute),
    `charge_reference` the charge that it belongs to (a charge's own reference for a charge). `status` is what the
    object became by it: a dispute has a line `open` and, if won, another one `won`. `attempt_id` and `refund_id` are
    ours, from the metadata; None for what was made at the gateway's own console.
    """

    line_reference: str
    gateway_reference: str
    kind: MovementKind
    amount: int
    status: str
    attempt_id: UUID | None
    refund_id: UUID | None
    charge_reference: str
    occurred_at: datetime  # by the gateway's clock
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine:
    """One movement as it was paid out. `line_reference` is the movement's (GatewayTransaction)."""

    settlement_reference: str
    line_reference: str
    gateway_reference: str
    charge_reference: str
    kind: MovementKind
    status: str
    amount: int
    fee: int
    settled_on: date
    attempt_id: UUID | None
    refund_id: UUID | None
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRefund:
    """A refund as the gateway tells of it. `refund_id` is ours; None when it was made at the gateway's console."""

    gateway_reference: str
    charge_reference: str
    amount: int
    attempt_id: UUID | None
    refund_id: UUID | None
    refunded_at: datetime
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDispute:
    """A chargeback as the gateway tells of it."""

    gateway_reference: str
    charge_reference: str
    amount: int
    reason: str
    state: DisputeState
    attempt_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None
    body: Mapping[str, object]
