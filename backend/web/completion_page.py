"""`/pay/{order_number}/done`: what became of the payment, on every reload and every device the same truth (R19)."""

from datetime import datetime

from aiohttp import web

from backend.domain.payment_page import PageState, PaymentPage
from backend.domain.states import AttemptState, DeclineClass
from backend.ports import GatewayUnavailableError
from backend.usecases.take_first_payment import PayerSession
from backend.web import answers, card_entry_page, payer, payment_states, views
from backend.web.keys import SERVICES, now_of


async def show(request: web.Request) -> web.Response:
    """`GET`: paid, being confirmed, declined, to be authenticated, or over."""
    now = await now_of(request)
    session = await payer.payer_of(request, now=now)
    if session is None:
        return payer.session_over(request)
    match session.page.state(now=now):
        case PageState.PAYABLE:
            return _payable(request, session)
        case PageState.PAID if session.page.attempt_state is AttemptState.SUCCEEDED:
            return _paid(request, session.page)
        case PageState.CHALLENGED:
            return await _challenged(request, session.page, now=now)
        case state:
            return payment_states.unpayable(request, page=session.page, state=state, now=now)


def _payable(request: web.Request, session: PayerSession) -> web.Response:
    """Not paid: a card was just declined, a press was taken back before it was sent, or nobody has pressed."""
    page = session.page
    values = views.payment(page, calendar=request.app[SERVICES].calendar)
    match page.attempt_state:
        case AttemptState.DECLINED:
            advice = {"decline_class": page.decline_class or DeclineClass.SOFT}
            return answers.page(request, "declined", values | advice)
        case AttemptState.WITHDRAWN:
            return answers.page(request, "not_charged", values)
        case _:
            return answers.see(f"/pay/{page.order_number}/entry")


def _paid(request: web.Request, page: PaymentPage) -> web.Response:
    values = views.payment(page, calendar=request.app[SERVICES].calendar)
    return answers.page(request, "done", values | views.paid(page))


async def _challenged(request: web.Request, page: PaymentPage, *, now: datetime) -> web.Response:
    """The issuer's question, as long as it is open; afterwards its answer is on the way to us."""
    state, action_url = PageState.CHALLENGED, await _action_url(request, page)
    if action_url is None:
        state = PageState.BEING_CONFIRMED
    return payment_states.unpayable(request, page=page, state=state, now=now, action_url=action_url)


async def _action_url(request: web.Request, page: PaymentPage) -> str | None:
    if page.attempt_reference is None:
        return None
    try:
        return await request.app[SERVICES].gateway.action_url(gateway_reference=page.attempt_reference)
    except GatewayUnavailableError:
        card_entry_page.log_absence(request)
        return None
