"""One honest page for each state of a payment that cannot be paid right now; shared by the URL and by the session."""

from datetime import datetime

from aiohttp import web

from backend.domain.payment_page import PageState, PaymentPage
from backend.web import answers, views
from backend.web.keys import SERVICES


def unpayable(
    request: web.Request, *, page: PaymentPage, state: PageState, now: datetime, action_url: str | None = None
) -> web.Response:
    """What is true, and what to do. `action_url` leads to the card company's question, if it still has one.

    Raises:
        ValueError: a payable payment has pages of its own.
    """
    calendar = request.app[SERVICES].calendar
    values = views.payment(page, calendar=calendar)
    match state:
        case PageState.PAID | PageState.REFUNDED:
            return answers.page(request, state, values | views.paid(page))
        case PageState.BEING_CONFIRMED:
            return answers.waiting_page(request, "being_confirmed", values)
        case PageState.CHALLENGED:
            return answers.page(request, "challenged", values | {"action_url": action_url})
        case PageState.EXPIRED:
            return answers.page(request, "expired", values | views.ended(page, calendar=calendar, now=now))
        case PageState.SUPERSEDED:
            return answers.page(request, "superseded", values | views.ended(page, calendar=calendar, now=now))
        case PageState.LOCKED | PageState.PAUSED | PageState.RECEIPT_BEING_CHECKED | PageState.AMOUNT_IN_DOUBT:
            return answers.page(request, state, values)
        case PageState.PAYABLE:
            raise ValueError("a payable payment has pages of its own")
