"""What the gateway keeps of money on its way back and out: refunds, disputes, movements, and the JSON of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from emulators.gateway.records import Json


class DisputeStatus(StrEnum):
    """States of a dispute."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money given back; `amount` is whole yen. One without `refund_id` in its metadata was made in the console."""

    id: str
    charge: str
    amount: int
    attempt_id: str | None
    created: int
    recorded_at: float
    metadata: Mapping[str, str]

    def as_json(self) -> Json:
        """Return the refund as the API shows it."""
        return {
            "id": self.id,
            "charge": self.charge,
            "amount": self.amount,
            "status": "succeeded",
            "attempt_id": self.attempt_id,
            "created": self.created,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A chargeback: the issuer took `amount` whole yen back, for good unless it is won."""

    id: str
    charge: str
    amount: int
    reason: str
    attempt_id: str | None
    created: int
    status: DisputeStatus = DisputeStatus.OPEN
    closed_at: int | None = None

    def as_json(self) -> Json:
        """Return the dispute as the API shows it."""
        return {
            "id": self.id,
            "charge": self.charge,
            "amount": self.amount,
            "reason": self.reason,
            "status": self.status,
            "attempt_id": self.attempt_id,
            "created": self.created,
            "closed_at": self.closed_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A line of the gateway's account: `source` moved `amount` yen and became `status` by it."""

    id: str
    type: str
    source: str
    status: str
    charge: str
    amount: int
    attempt_id: str | None
    refund_id: str | None
    created: int
    recorded_at: float

    def as_json(self) -> Json:
        """Return the line as the API shows it."""
        return {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "status": self.status,
            "charge": self.charge,
            "amount": self.amount,
            "attempt_id": self.attempt_id,
            "refund_id": self.refund_id,
            "created": self.created,
        }
