"""`/pay/{order_number}/confirm`: the card, the amount, and the one button that moves money (R18)."""

from datetime import datetime

from aiohttp import web

from backend.domain.payment_page import PageState
from backend.domain.states import DeclineClass
from backend.ports import GatewayUnavailableError, Registration, RegistrationStatus
from backend.usecases import take_first_payment
from backend.usecases.take_first_payment import PayerSession
from backend.web import answers, card_entry_page, forms, payer, views
from backend.web.keys import SERVICES, now_of

_AWAY = 503


async def show(request: web.Request) -> web.Response:
    """`GET`: what will be charged, and to which card. Looks at the gateway, changes nothing.

    The query that the gateway's hosted page adds is not believed: the session knows its own card entry (f92).
    """
    now = await now_of(request)
    session = await payer.payer_of(request, now=now)
    if session is None:
        return payer.session_over(request)
    if session.page.state(now=now) is not PageState.PAYABLE:
        return answers.see(f"/pay/{session.page.order_number}/done")
    try:
        registration = await take_first_payment.look_at_registration(request.app[SERVICES], payer=session)
    except GatewayUnavailableError:
        return _nothing_charged(request, session, transaction_id=None)
    return await _page(request, session, registration, now=now)


async def pay(request: web.Request) -> web.Response:
    """`POST`: お支払い. Counts once however often it is pressed; the answer is always the page that tells the truth."""
    form = await forms.read_form(request)
    now = await now_of(request)
    session = await payer.payer_of(request, now=now)
    if session is None:
        return payer.session_over(request)
    services, transaction_id = request.app[SERVICES], form.get("transaction_id", "")
    try:
        await take_first_payment.pay(services, payer=session, transaction_id=transaction_id, now=now)
    except GatewayUnavailableError:
        return _nothing_charged(request, session, transaction_id=transaction_id)
    return answers.see(f"/pay/{session.page.order_number}/done")


async def _page(
    request: web.Request, session: PayerSession, registration: Registration | None, *, now: datetime
) -> web.Response:
    """The card must be registered and must not be the one that was just declined; else there is a better page."""
    page = session.page
    if registration is None or registration.status is not RegistrationStatus.SUCCEEDED or registration.card is None:
        return answers.see(f"/pay/{page.order_number}/entry")
    if page.has_refused(registration.card.card_reference):
        return answers.see(f"/pay/{page.order_number}/done")
    values = views.payment(page, calendar=request.app[SERVICES].calendar)
    if await take_first_payment.is_refused(request.app[SERVICES], payer=session, card=registration.card, now=now):
        return answers.page(request, "declined", values | {"decline_class": DeclineClass.NEVER})
    place = views.masked_place(page.service_location)
    return answers.page(request, "confirm", values | views.card(registration.card) | {"place": place})


def _nothing_charged(request: web.Request, session: PayerSession, *, transaction_id: str | None) -> web.Response:
    """The gateway did not even say which card it is: certainly no money moved, and pressing again is safe."""
    card_entry_page.log_absence(request)
    values = {"order_number": session.page.order_number, "transaction_id": transaction_id}
    return answers.page(request, "gateway_away", values, status=_AWAY)
