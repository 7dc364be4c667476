"""What the gateway keeps: frozen records and the JSON that the API shows of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from emulators.gateway.cards import Advice, Behaviour, Brand, DeclineCode

Json = dict[str, object]


class RegistrationStatus(StrEnum):
    """States of a card registration; `expired` is a question of time and never kept."""

    OPEN = "open"
    CHALLENGE = "challenge"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    EXPIRED = "expired"


class ChargeStatus(StrEnum):
    """States of a charge."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Someone whose cards are kept, under the merchant's own reference."""

    id: str
    reference: str
    created: int

    def as_json(self) -> Json:
        """Return the customer as the API shows it."""
        return {"id": self.id, "reference": self.reference, "created": self.created}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A registered card: never its number, but the behaviour that the number stands for."""

    id: str
    customer: str
    brand: Brand
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    three_d_secure_result: str
    three_d_secure_at: int
    behaviour: Behaviour
    detached: bool = False

    def as_json(self) -> Json:
        """Return the card as the API shows it."""
        return {
            "id": self.id,
            "customer": self.customer,
            "brand": self.brand,
            "last4": self.last4,
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "fingerprint": self.fingerprint,
            "three_d_secure": {
                "result": self.three_d_secure_result,
                "version": "2.2.0",
                "at": self.three_d_secure_at,
            },
            "detached": self.detached,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One invitation to enter a card; `token` is the browser's only key to it."""

    id: str
    token: str
    customer: str
    reference: str
    return_url: str
    origin: str
    expires_at: int
    created: int
    metadata: Mapping[str, str]
    status: RegistrationStatus = RegistrationStatus.OPEN
    card: Card | None = None
    decline_code: DeclineCode | None = None
    challenge_token: str | None = None

    def status_at(self, *, now: int) -> RegistrationStatus:
        """Return the status at `now` (Unix seconds): unfinished registrations expire."""
        if self.status is not RegistrationStatus.SUCCEEDED and now >= self.expires_at:
            return RegistrationStatus.EXPIRED
        return self.status

    def as_json(self, *, now: int, public_base: str) -> Json:
        """Return the registration as the API shows it at `now` (Unix seconds)."""
        return {
            "id": self.id,
            "status": self.status_at(now=now),
            "customer": self.customer,
            "reference": self.reference,
            "fields_url": f"{public_base}/fields/{self.token}",
            "hosted_url": f"{public_base}/hosted/{self.token}",
            "expires_at": self.expires_at,
            "card": self.card.as_json() if self.card else None,
            "decline_code": self.decline_code,
            "created": self.created,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One try to take money; `amount` and `amount_refunded` are whole yen."""

    id: str
    status: ChargeStatus
    amount: int
    customer: str
    card: str
    reference: str
    transaction_id: str
    present: bool
    created: int
    recorded_at: float
    metadata: Mapping[str, str]
    return_url: str | None = None
    decline_code: DeclineCode | None = None
    advice: Advice | None = None
    action_url: str | None = None
    amount_refunded: int = 0
    after_action: DeclineCode | None = None

    def as_json(self) -> Json:
        """Return the charge as the API shows it."""
        return {
            "id": self.id,
            "status": self.status,
            "amount": self.amount,
            "currency": "jpy",
            "customer": self.customer,
            "card": self.card,
            "reference": self.reference,
            "transaction_id": self.transaction_id,
            "present": self.present,
            "decline_code": self.decline_code,
            "advice": self.advice,
            "action_url": self.action_url,
            "amount_refunded": self.amount_refunded,
            "created": self.created,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A 3-D Secure question on its way: for a registration with its card, or for a charge."""

    token: str
    registration: str | None = None
    charge: str | None = None
    card: Card | None = None
    is_framed: bool = False
