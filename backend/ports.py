"""What lies outside the process, as shapes: the clock, the card gateway, the channels. Never the database."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from backend.domain.gateway_objects import GatewayDispute, GatewayRefund, GatewayTransaction, SettlementLine
from backend.domain.states import ChannelName, DeclineClass


class Clock(Protocol):
    """Tells the time in Asia/Tokyo. `refresh` is called at an edge (request, job, batch) before `now` is used.

    `is_real` says that this is the machine's time, which the database's clock is a witness of (f17).
    """

    is_real: bool

    def now(self) -> datetime:
        """The current instant, aware, in Asia/Tokyo."""
        ...

    def placed(self, told: datetime) -> datetime:
        """An instant that somebody outside has told, in this clock's time; the same unless this clock travels alone."""
        ...

    async def refresh(self) -> None:
        """Learn a time shift made by another process; does nothing on the system clock."""
        ...


# --- the card gateway (money.md, gateway port) --------------------------------------------------------


class BadSignatureError(Exception):
    """A webhook's signature is missing or wrong: answer 401 and store nothing (f27, f56)."""


class GatewayUnavailableError(Exception):
    """The gateway could not be asked; nothing is known. Only raised by calls that never move money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a gateway can do, so that the use cases ask instead of knowing names."""

    idempotency_seconds: int  # how long a key replays; 0 = never replay
    min_yen: int
    max_yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSnapshot:
    """A card as the gateway describes it; never the number."""

    card_reference: str
    customer_reference: str
    brand: str
    last4: str
    exp_year: int
    exp_month: int
    fingerprint: str
    three_ds_result: str
    authenticated_at: datetime


class RegistrationStatus(StrEnum):
    """Where the payer is with the gateway's card fields."""

    OPEN = "open"
    CHALLENGE = "challenge"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One card registration at the gateway. The URLs carry a client token: never store or log them."""

    reference: str
    status: RegistrationStatus
    fields_url: str = field(repr=False)
    fields_origin: str  # of `fields_url`: the only one that our entry page may frame and hear
    hosted_url: str = field(repr=False)
    card: CardSnapshot | None
    decline_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the gateway said, to be kept word by word beside the decision that rests on it."""

    source: str  # charge, look_up, webhook, cancel, refund
    body: Mapping[str, object]
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """Money moved. `gateway_reference` names the charge, `amount` is what the gateway took (yen)."""

    gateway_reference: str
    amount: int
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """No money moved, definitely."""

    decline_class: DeclineClass
    decline_code: str
    gateway_reference: str | None
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """The issuer wants the payer to authenticate before it decides."""

    gateway_reference: str
    action_url: str = field(repr=False)
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nothing is known about this call: a timeout, a reset, a 5xx. Never shown as failed or as paid (R-f23)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """The gateway certainly moved no money (429, or our key is refused): ask again after `retry_after` seconds."""

    retry_after: int
    fault: str | None = None  # what people must correct before it can work, such as a key that is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A consistent look-up does not know the attempt. Not the same as failed (money.md, resolution c)."""

    evidence: Evidence


ChargeOutcome = Succeeded | Declined | Challenged | Unknown | Busy
LookUpOutcome = Succeeded | Declined | Challenged | Unknown | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """Money went back. `gateway_reference` names the refund, `amount` is what the gateway gave back (yen)."""

    gateway_reference: str
    amount: int
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRefused:
    """No money went back, definitely: too large, too late, disputed ... (`code` is the gateway's word)."""

    code: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCharge:
    """A charge as the gateway knows it, and what we asked for; for a ledger that forgot the attempt."""

    gateway_reference: str
    amount: int
    is_captured: bool
    is_present: bool
    attempt_id: UUID | None
    order_number: str
    transaction_id: str
    customer_reference: str
    card: CardSnapshot | None  # None when the gateway does not tell of it any more
    charge_request: Mapping[str, object]
    created_at: datetime


RefundOutcome = Refunded | RefundRefused | Unknown | Busy
RefundLookUp = Refunded | Unknown | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEvent:
    """A verified notification. Its content is a hint: the truth is taken by look-up (f27)."""

    event_id: str
    kind: str
    attempt_id: UUID | None
    occurred_at: datetime
    body: Mapping[str, object]


class PaymentGateway(Protocol):
    """One card gateway. Its name is the setting's value."""

    name: str
    capabilities: Capabilities
    clock_lag: timedelta  # how far its clock is behind ours; nothing, unless ours is one that travels

    async def ensure_customer(self, *, customer_number: str, key: str) -> str:
        """Create (or find again, same key) the customer; returns its reference.

        Raises:
            GatewayUnavailableError: nothing is known; call again with the same key.
        """
        ...

    async def open_registration(
        self,
        *,
        key: UUID,
        customer: str,
        order_number: str,
        return_url: str,
        origin: str,
        expires_at: datetime,
    ) -> Registration:
        """Open the gateway's card fields, 3-D Secure on. Raises GatewayUnavailableError."""
        ...

    async def registration(self, reference: str) -> Registration:
        """Look at a registration; changes nothing. Raises GatewayUnavailableError."""
        ...

    async def action_url(self, *, gateway_reference: str) -> str | None:
        """Where the payer authenticates a challenged charge; None when nothing is to be done.

        Raises:
            GatewayUnavailableError: ask again later.
        """
        ...

    async def charge(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> ChargeOutcome:
        """Charge once: the attempt's id is the key, `charge_request` the frozen body. Replays are safe in its life."""
        ...

    async def look_up(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> LookUpOutcome:
        """Search the consistent list for the attempt; never creates money."""
        ...

    async def cancel(self, *, attempt_id: UUID, gateway_reference: str) -> LookUpOutcome:
        """Give up a challenged charge; may answer Succeeded: trust only the answer."""
        ...

    async def look_up_charge(self, *, charge_reference: str) -> GatewayCharge | None:
        """A charge by the gateway's own id; None when it has none. Raises GatewayUnavailableError."""
        ...

    async def refund(self, *, refund_id: UUID, gateway_reference: str, amount: int) -> RefundOutcome:
        """Give back `amount` yen of a charge, once: the refund's id is the key. Replays are safe in its life."""
        ...

    async def find_refund(self, *, refund_id: UUID, gateway_reference: str) -> RefundLookUp:
        """Search the charge's refunds for ours; never moves money."""
        ...

    async def look_up_refund(self, *, refund_reference: str) -> GatewayRefund | None:
        """A refund by the gateway's own id; None when it has none. Raises GatewayUnavailableError."""
        ...

    async def look_up_dispute(self, *, dispute_reference: str) -> GatewayDispute | None:
        """A dispute by the gateway's own id; None when it has none. Raises GatewayUnavailableError."""
        ...

    def transactions(self, *, since: datetime, until: datetime) -> AsyncIterator[GatewayTransaction]:
        """Every movement of money in since ≤ t < until (the gateway's clock), oldest first, page by page.

        A line may be listed late: ask again from some minutes before. Raises GatewayUnavailableError on the way.
        """
        ...

    def settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[SettlementLine]:
        """Every line paid out, listed in since ≤ t < until, oldest first. Raises GatewayUnavailableError on the way."""
        ...

    def parse_event(self, *, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        """Verify the raw bytes and read the event. Raises BadSignatureError."""
        ...


# --- the channels (channels.md) ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message, frozen. `key` is the retry key (LINE) or our own reference (SMS); times are the outbox row's."""

    notice_id: int
    key: UUID
    address: str = field(repr=False)
    payload: Mapping[str, object] = field(repr=False)
    reply_token: str | None = field(default=None, repr=False)
    attempts: int = 1  # which try this is
    # When looking for it: its own name if it was told, when it was first tried, what other notices have become.
    message_id: str | None = None
    first_sent_at: datetime | None = None
    known_message_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider took it. Delivery is another matter."""

    provider_message_id: str | None
    provider_request_id: str | None = None  # the provider's own name of the call: what its support asks for
    is_delivered: bool = False
    is_with_carrier: bool = False  # handed on; many carriers never say more


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A definite no (4xx): never repeated on this channel."""

    reason: str
    provider_request_id: str | None = None
    is_address_dead: bool = False  # nobody is there any more: not for this message only


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """Certainly not sent, may be sent later (rate, quota, refused connection, our account is refused)."""

    reason: str
    retry_after: int  # seconds
    provider_request_id: str | None = None
    fault: str | None = None  # what people must correct before it can work, such as a token that is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """The provider may or may not have it (timeout, reset, 5xx)."""

    reason: str
    provider_request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyExpired:
    """The reply token is no longer good: certainly not sent; push instead (f57)."""

    provider_request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotListed:
    """The provider does not list the message that was looked for; it may do so later."""

    provider_request_id: str | None = None


SendOutcome = Accepted | Refused | NotNow | Unclear | ReplyExpired


class Channel(Protocol):
    """A way to reach a customer."""

    name: ChannelName
    is_idempotent: bool  # whether the same envelope may be sent again after Unclear

    async def send(self, envelope: Envelope) -> SendOutcome:
        """Hand one message to the provider; never raises for what the provider or the network does."""
        ...

    async def find(self, envelope: Envelope) -> Accepted | Refused | NotListed:
        """Look for a message whose outcome was Unclear. Raises LookupError when the provider cannot be asked now."""
        ...


class LineAccountLink(Protocol):
    """LINE's account-link dialog, for our page that has found out who the customer is."""

    async def dialog_url(self, *, line_user_id: str, nonce: str) -> str | None:
        """Where to send the browser to finish the link; None when LINE does not answer now."""
        ...
