"""What a payment page may show and do, decided from the ledger's state alone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.domain.account_facts import BillFacts
from backend.domain.states import AttemptState, DeclineClass, LinkState, RequestState

PROOF_TRIES = 5  # wrong answers to the identity question before the link needs a person (f42)
DECLINES = 5  # declined charges before the link needs a person (f93)
REGISTRATIONS = 10  # card entries begun on one link before it needs a person (f93)


class PageState(StrEnum):
    """The one thing that is true of a link right now."""

    PAYABLE = "payable"
    CHALLENGED = "challenged"
    BEING_CONFIRMED = "being_confirmed"
    RECEIPT_BEING_CHECKED = "receipt_being_checked"
    PAID = "paid"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    LOCKED = "locked"
    PAUSED = "paused"
    AMOUNT_IN_DOUBT = "amount_in_doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    """A link, its request and the newest attempt, as the pages need them. Amounts in yen."""

    link_id: UUID
    request_id: int
    account_id: int
    order_number: str
    transaction_id: str  # of the next try, or of the one that is live or paid (R17)
    amount: int
    bills: tuple[BillFacts, ...]
    number_tail: str
    customer_number: str
    phone_tail: str
    service_location: str
    valid_until: datetime  # exclusive
    link_state: LinkState
    request_state: RequestState
    attempt_id: UUID | None
    attempt_state: AttemptState | None
    decline_class: DeclineClass | None
    attempt_reference: str | None  # the newest attempt's charge at the gateway, once known
    attempt_card: str | None  # the gateway's name of the card that the newest attempt was for
    card_brand: str | None  # of the newest attempt
    card_last4: str | None
    paid_at: datetime | None
    proof_failures: int
    declines: int
    registrations: int
    bills_are_paid: bool  # by this request, or by a later one that the bills went over to
    has_waiting_receipt: bool  # one of the bills came by bank, shop or cash, and a second person has not approved yet
    is_amount_in_doubt: bool  # the frozen amount is not the sum of its unpaid bills: a contradiction for people
    is_paused: bool  # nothing is charged now, whoever asks; the URL stays good
    refunded: int  # what went back of this request's payment (yen)
    are_bills_refunded: bool  # all of it went back
    newest_order_number: str | None  # of the account's open request, when another URL replaced this one

    def state(self, *, now: datetime) -> PageState:
        """Decide what is true, the money first: paid and unclear beat every deadline (f26, f41)."""
        if self.request_state is RequestState.SETTLED:
            return PageState.REFUNDED if self.are_bills_refunded else PageState.PAID
        match self.attempt_state:
            case AttemptState.PREPARED | AttemptState.SENT | AttemptState.UNKNOWN:
                return PageState.BEING_CONFIRMED
            case AttemptState.CHALLENGED:
                return PageState.CHALLENGED
            case AttemptState.SUCCEEDED:
                return PageState.PAID
            case AttemptState.DECLINED | AttemptState.WITHDRAWN | None:
                return self._state_without_money(now=now)

    def may_prove(self, *, now: datetime) -> bool:
        """Whether the right answer begins a session: to pay, or to be asked by the issuer on another device (f42)."""
        state = self.state(now=now)
        is_asked = state is PageState.CHALLENGED and self.proof_failures < PROOF_TRIES
        return is_asked or state is PageState.PAYABLE

    def has_refused(self, card_reference: str) -> bool:
        """Whether this is the card that was just declined: only a card entered anew may be charged (invariant 10).

        A refusal that was no card's fault leaves the card good: it may be pressed again, as a new attempt.
        """
        is_declined = self.attempt_state is AttemptState.DECLINED and self.decline_class is not DeclineClass.OURS
        return is_declined and self.attempt_card == card_reference

    def _state_without_money(self, *, now: datetime) -> PageState:
        if self.has_waiting_receipt:
            return PageState.RECEIPT_BEING_CHECKED
        if self.request_state is RequestState.VOID or self.link_state in {LinkState.SUPERSEDED, LinkState.REVOKED}:
            return PageState.SUPERSEDED
        if self.request_state is not RequestState.OPEN or now >= self.valid_until:
            return PageState.EXPIRED
        if self.is_amount_in_doubt:
            return PageState.AMOUNT_IN_DOUBT  # invariant 6
        if needs_a_person(proof_failures=self.proof_failures, declines=self.declines, registrations=self.registrations):
            return PageState.LOCKED
        return PageState.PAUSED if self.is_paused else PageState.PAYABLE


def needs_a_person(*, proof_failures: int, declines: int, registrations: int) -> bool:
    """Whether so much was tried on one link that it stays stopped until support has spoken with the payer."""
    return proof_failures >= PROOF_TRIES or declines >= DECLINES or registrations >= REGISTRATIONS
