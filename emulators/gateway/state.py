"""The truth: everything the emulator knows, in memory, in one object."""

import secrets

from emulators.gateway.books import ChargeBook, TransactionBook
from emulators.gateway.clock import EmulatorClock
from emulators.gateway.config import GatewayConfig
from emulators.gateway.errors import invalid
from emulators.gateway.faults import Faults
from emulators.gateway.idempotency import KeyStore
from emulators.gateway.money_records import Dispute, DisputeStatus, Refund, Transaction
from emulators.gateway.outcomes import OutcomeQueue
from emulators.gateway.postman import Postman
from emulators.gateway.records import (
    Card,
    Challenge,
    Charge,
    ChargeStatus,
    Customer,
    Json,
    Registration,
    RegistrationStatus,
)
from emulators.gateway.request_log import RequestLog
from emulators.gateway.webhooks import EventType


class GatewayState:
    """Holds the records and tells the world of their changes."""

    def __init__(self, *, config: GatewayConfig, clock: EmulatorClock) -> None:
        self.config = config
        self.clock = clock
        self.faults = Faults()
        self.postman = Postman(url=config.webhook_url, secret=config.webhook_secret, clock=clock)
        self.forget()

    def forget(self) -> None:
        """Begin anew: no records, no scripts; faults, clock and webhooks are reset by control."""
        self.customers: dict[str, Customer] = {}
        self.registrations: dict[str, Registration] = {}
        self.registration_of_token: dict[str, str] = {}
        self.cards: dict[str, Card] = {}
        self.succeeded_on_card: dict[str, int] = {}
        self.challenges: dict[str, Challenge] = {}
        self.charges = ChargeBook()
        self.refunds: dict[str, Refund] = {}
        self.disputes: dict[str, Dispute] = {}
        self.disputes_of: dict[str, list[str]] = {}
        self.transactions = TransactionBook()
        self.outcomes = OutcomeQueue()
        self.keys = KeyStore()
        self.requests = RequestLog()

    def customer(self, customer_id: str) -> Customer:
        """Return a customer that a call's body names, or refuse the call."""
        if customer := self.customers.get(customer_id):
            return customer
        raise invalid(f"no such customer: {customer_id}", code="resource_missing")

    def keep_registration(self, registration: Registration) -> None:
        """Store a registration's new state and tell of its end."""
        self.registrations[registration.id] = registration
        match registration.status:
            case RegistrationStatus.SUCCEEDED:
                self._tell_of_registration(EventType.REGISTRATION_SUCCEEDED, registration)
            case RegistrationStatus.DECLINED:
                self._tell_of_registration(EventType.REGISTRATION_DECLINED, registration)
            case RegistrationStatus.OPEN | RegistrationStatus.CHALLENGE | RegistrationStatus.EXPIRED:
                pass

    def show(self, registration: Registration) -> Json:
        """Return a registration as the API shows it now."""
        return registration.as_json(now=self.clock.unix(), public_base=self.config.public_base)

    def keep_charge(self, charge: Charge) -> None:
        """Store a charge's new state, book its money, and tell of it."""
        if self.charges.get(charge.id) is None:
            self.charges.add(charge)
        else:
            self.charges.change(charge)
        if charge.status is ChargeStatus.SUCCEEDED:
            self.succeeded_on_card[charge.card] = self.succeeded_on_card.get(charge.card, 0) + 1
            self.book(kind="charge", source=charge.id, status=charge.status, charge=charge, amount=charge.amount)
        self.postman.tell(event_type=EventType(f"charge.{charge.status}"), subject=charge.as_json())

    def keep_refund(self, refund: Refund, *, charge: Charge) -> None:
        """Store a refund and its charge's new state, book the money, and tell of it."""
        self.charges.change(charge)
        self.refunds[refund.id] = refund
        self.book(
            kind="refund",
            source=refund.id,
            status="succeeded",
            charge=charge,
            amount=refund.amount,
            refund_id=refund.metadata.get("refund_id"),
        )
        self.postman.tell(event_type=EventType.REFUND_SUCCEEDED, subject=refund.as_json())

    def keep_dispute(self, dispute: Dispute, *, charge: Charge) -> None:
        """Store a dispute's new state, book the money that it moves (none if it is lost), and tell of it."""
        if dispute.id not in self.disputes:
            self.disputes_of.setdefault(charge.id, []).append(dispute.id)
        self.disputes[dispute.id] = dispute
        if dispute.status is not DisputeStatus.LOST:
            self.book(kind="dispute", source=dispute.id, status=dispute.status, charge=charge, amount=dispute.amount)
        told = "opened" if dispute.status is DisputeStatus.OPEN else dispute.status
        self.postman.tell(event_type=EventType(f"dispute.{told}"), subject=dispute.as_json())

    def book(
        self, *, kind: str, source: str, status: str, charge: Charge, amount: int, refund_id: str | None = None
    ) -> None:
        """Enter a movement of `amount` yen in the account."""
        now = self.clock.now().timestamp()
        self.transactions.add(
            Transaction(
                id=new_id("txn"),
                type=kind,
                source=source,
                status=status,
                charge=charge.id,
                amount=amount,
                attempt_id=charge.metadata.get("attempt_id"),
                refund_id=refund_id,
                created=int(now),
                recorded_at=now,
            )
        )

    def _tell_of_registration(self, event_type: EventType, registration: Registration) -> None:
        self.postman.tell(event_type=event_type, subject=self.show(registration))


def new_id(prefix: str) -> str:
    """Return a new id such as ch_…; not guessable, not ordered."""
    return f"{prefix}_{secrets.token_hex(12)}"
