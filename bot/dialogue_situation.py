"""Which of the things that can be true of an account is true now: the one reading of AccountFacts for the chat."""

from datetime import datetime
from enum import StrEnum

from backend.domain.account_facts import AccountFacts, RequestFacts
from backend.domain.billing_calendar import billing_month_of, jst_date
from backend.domain.states import DeclineClass, PaymentWay


class Situation(StrEnum):
    """Each has its texts in templates/messages/replies/account.toml under the same name."""

    OPEN_LINK = "open_link"
    LINK_LOCKED = "link_locked"
    CONFIRMING = "confirming"
    RECEIPT_CHECKED = "receipt_checked"
    DECLINED_LINK = "declined_link"
    DECLINED_WAITING = "declined_waiting"
    DECLINED_OURS = "declined_ours"
    AUTOMATIC = "automatic"
    LINK_PREPARING = "link_preparing"
    EXPIRED = "expired"
    WAITING_CARRIED = "waiting_carried"
    WAITING_CONFIRMED = "waiting_confirmed"
    PAID = "paid"
    REFUNDED = "refunded"
    NOT_CONFIRMED = "not_confirmed"


def situation_of(facts: AccountFacts, *, now: datetime) -> Situation:
    """The situation to speak of: an open request before waiting bills before what is paid."""
    if facts.request is not None:
        return _of_request(facts.request, now=now)
    if facts.being_checked:
        return Situation.RECEIPT_CHECKED
    if facts.waiting:
        return Situation.WAITING_CARRIED if facts.waiting_is_carried_over else Situation.WAITING_CONFIRMED
    if not _is_paid_this_month(facts, now=now):
        return Situation.NOT_CONFIRMED
    return Situation.REFUNDED if facts.last_payment and facts.last_payment.is_refunded else Situation.PAID


def _of_request(request: RequestFacts, *, now: datetime) -> Situation:
    if request.is_being_confirmed:  # never failed, never paid, never a second try
        return Situation.CONFIRMING
    if request.has_waiting_receipt:
        return Situation.RECEIPT_CHECKED
    if now >= request.valid_until:  # R05; the job that carries the bills over may still be to come
        return Situation.EXPIRED
    if request.link_id is not None and request.is_link_locked:
        return Situation.LINK_LOCKED
    if request.link_id is not None:
        return Situation.OPEN_LINK if request.last_decline is None else Situation.DECLINED_LINK
    return _of_charge(request)


def _of_charge(request: RequestFacts) -> Situation:
    if request.last_decline is DeclineClass.OURS:
        return Situation.DECLINED_OURS
    if request.last_decline is not None:
        return Situation.DECLINED_WAITING
    return Situation.AUTOMATIC if request.way is PaymentWay.AUTOMATIC else Situation.LINK_PREPARING


def has_usable_link(facts: AccountFacts, *, now: datetime) -> bool:
    """Whether the payment URL may be shown now."""
    return situation_of(facts, now=now) in {Situation.OPEN_LINK, Situation.DECLINED_LINK}


def is_charged_automatically(facts: AccountFacts) -> bool:
    """Whether the next request goes to the registered card (R04) and not by URL (R09)."""
    return facts.card is not None and facts.card.is_active and not facts.has_card_change


def _is_paid_this_month(facts: AccountFacts, *, now: datetime) -> bool:
    """A payment of this month or for this month's bill: there is nothing newer to speak of (R03)."""
    if facts.last_payment is None:
        return False
    this_month = billing_month_of(jst_date(now))
    months = {bill.billing_month for bill in facts.last_payment.bills}
    return this_month in months or billing_month_of(jst_date(facts.last_payment.paid_at)) == this_month
