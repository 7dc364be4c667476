"""What the templates print about a payment: prepared values, no rich objects, no decisions left to a template."""

import re
from datetime import date, datetime, timedelta

from backend.domain.billing_calendar import JST, BillingCalendar, jst_date
from backend.domain.payment_page import PROOF_TRIES, PaymentPage
from backend.domain.states import AttemptState, RequestState
from backend.ports import CardSnapshot

_FIRST_DIGIT = re.compile(r"\d")  # full-width ones too
_SHOWN_WITHOUT_DIGITS = 6


def payment(page: PaymentPage, *, calendar: BillingCalendar) -> dict[str, object]:
    """The values of the bill summary that every page of one payment shows (R16, R17). Amounts in yen."""
    return {
        "order_number": page.order_number,
        "transaction_id": page.transaction_id,
        "amount": page.amount,
        "lines": [(*_month(bill.billing_month), bill.amount) for bill in page.bills],
        "last_day": calendar.last_day(page.valid_until),
        "number_tail": page.number_tail,
        "tries_left": max(0, PROOF_TRIES - page.proof_failures),
    }


def ended(page: PaymentPage, *, calendar: BillingCalendar, now: datetime) -> dict[str, object]:
    """What comes after a URL that no longer works: the date of the next one, or the order that replaced it (R06).

    The date stays the same from day to day: around the send day, and once that is over, by the last one.
    """
    day = jst_date(now)
    if page.request_state is not RequestState.VOID:  # what replaces a voided request may still go out this month
        day = max(day, calendar.last_day(page.valid_until) + timedelta(days=1))
    is_waiting_for_bill = calendar.send_from_day < day.day <= calendar.last_opening_day
    return {
        "bills_are_paid": page.bills_are_paid,
        "newest_order_number": page.newest_order_number,
        "next_url_on": None if is_waiting_for_bill else calendar.next_opening_on(day),
        "next_url_by": calendar.latest_opening_on(day),
    }


def card(snapshot: CardSnapshot) -> dict[str, object]:
    """All that we ever show of a card."""
    return {"brand": snapshot.brand, "last4": snapshot.last4}


def paid(page: PaymentPage) -> dict[str, object]:
    """How a payment went through (R19); `paid_at` in Asia/Tokyo."""
    return {
        "is_by_card": page.attempt_state is AttemptState.SUCCEEDED,
        "brand": page.card_brand or "",
        "last4": page.card_last4 or "",
        "refunded": page.refunded,
        "paid_at": page.paid_at.astimezone(JST) if page.paid_at else None,
    }


def masked_place(service_location: str) -> str:
    """A place of use as far as the town: enough to recognise one's own, too little to find somebody else's."""
    found = _FIRST_DIGIT.search(service_location)
    return service_location[: found.start() if found else _SHOWN_WITHOUT_DIGITS].strip()


def _month(billing_month: str) -> tuple[int, int]:
    first = date.fromisoformat(f"{billing_month}-01")
    return first.year, first.month
