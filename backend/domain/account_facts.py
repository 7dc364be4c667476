"""What the ledger knows about one account, as plain data for the chat and the pages; decides nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from backend.domain.states import CarryOverReason, DeclineClass, PaymentWay


@dataclass(frozen=True, slots=True, kw_only=True)
class BillFacts:
    """One month of one place of use; `amount` in yen, tax included."""

    billing_month: str  # 2026-11
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """The account's live payment request, if any."""

    order_number: str
    amount: int
    bills: tuple[BillFacts, ...]
    way: PaymentWay
    carry_over_reason: CarryOverReason | None
    valid_until: datetime  # exclusive
    last_day: date  # the day to tell people (R05)
    link_id: UUID | None  # an active link that can be shown again
    is_link_on_its_way: bool  # an SMS with it has left and nobody knows yet whether it arrived at the provider
    is_link_locked: bool  # too many tries: the page takes no more, whoever opens it
    is_for_card_change: bool  # its URL is the one to register the new card with (R09)
    has_waiting_receipt: bool  # one of its bills came by bank, shop or cash, and nobody has approved that yet
    is_being_confirmed: bool  # an attempt's outcome is not known yet: say 確認中, never failed or paid
    last_decline: DeclineClass | None  # the newest attempt's, if it was declined


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """The newest payment that went through: by card, or by a receipt that staff approved (then without a card)."""

    order_number: str | None
    amount: int
    bills: tuple[BillFacts, ...]
    paid_at: datetime
    card_brand: str | None
    card_last4: str | None
    refunded: int = 0  # what of it went back to the card (yen)
    is_refunded: bool = False  # all of it went back: never say that it is paid


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """The card that later months are charged to."""

    brand: str
    last4: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """Everything that an answer to this customer may need."""

    account_id: int
    number_tail: str  # the last four digits of the customer number: all that is shown before proof
    request: RequestFacts | None
    also_confirming: tuple[BillFacts, ...]  # months beside the request whose outcome is not known yet: say 確認中 too
    waiting: tuple[BillFacts, ...]  # confirmed or carried over, not yet requested
    waiting_is_carried_over: bool
    missed: tuple[BillFacts, ...] = ()  # those of `waiting` that were asked for and not paid until
    missed_on: date | None = None  # the last day to pay them
    being_checked: tuple[BillFacts, ...]  # a receipt for them waits for approval: say 入金を確認中, ask for nothing
    last_payment: PaymentFacts | None
    earlier_payments: tuple[PaymentFacts, ...] = ()  # those before it, the newest first
    card: CardFacts | None
    has_card_change: bool  # an application is waiting for the next URL (R09)
    next_opening_on: date  # when the next URL or charge goes out at the earliest: of what waits, else of the next month
