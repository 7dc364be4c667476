"""`/pay/{order_number}/entry`: the gateway's card fields on our page (R17). No card number ever comes here."""

from datetime import datetime

import structlog
from aiohttp import web

from backend.domain.payment_page import PageState
from backend.ports import CardSnapshot, GatewayUnavailableError, Registration, RegistrationStatus
from backend.usecases import take_first_payment
from backend.usecases.take_first_payment import PayerSession
from backend.web import answers, forms, payer, views
from backend.web.headers import policy
from backend.web.keys import ADDRESS, RENDERER, REQUEST_ID, SERVICES, now_of

_AWAY = 503
_log = structlog.get_logger("web")


async def show(request: web.Request) -> web.Response:
    """`GET`: the fields of the card entry that this session has begun; begins none itself."""
    now = await now_of(request)
    session = await payer.payer_of(request, now=now)
    if session is None:
        return payer.session_over(request)
    if session.page.state(now=now) is not PageState.PAYABLE:
        return answers.see(f"/pay/{session.page.order_number}/done")
    try:
        registration = await take_first_payment.look_at_registration(request.app[SERVICES], payer=session)
    except GatewayUnavailableError:
        log_absence(request)
        return _offer(request, session, reason="away", status=_AWAY)
    return _page(request, session, registration)


async def begin_again(request: web.Request) -> web.Response:
    """`POST`: fresh fields, after a decline, an expiry, or to use another card."""
    await forms.read_form(request)
    now = await now_of(request)
    session = await payer.payer_of(request, now=now)
    if session is None:
        return payer.session_over(request)
    if session.page.state(now=now) is not PageState.PAYABLE:
        return answers.see(f"/pay/{session.page.order_number}/done")
    try:
        await begin(request, session, now=now)
    except GatewayUnavailableError:
        log_absence(request)
        return _offer(request, session, reason="away", status=_AWAY)
    return answers.see(f"/pay/{session.page.order_number}/entry")


async def begin(request: web.Request, session: PayerSession, *, now: datetime) -> Registration:
    """Open the gateway's fields for a payer who has just agreed to the consent text. Raises GatewayUnavailableError."""
    return await take_first_payment.begin_card_entry(
        request.app[SERVICES],
        payer=session,
        return_url=f"{request.app[ADDRESS].origin}/pay/{session.page.order_number}/confirm",
        consent_version=request.app[RENDERER].consent_version,
        now=now,
    )


def log_absence(request: web.Request) -> None:
    """Somebody should see that payers are being turned away."""
    _log.warning("the gateway does not answer", request_id=request[REQUEST_ID])


def _page(request: web.Request, session: PayerSession, registration: Registration | None) -> web.Response:
    if registration is None:
        return _offer(request, session, reason="begin")
    match registration.status:
        case RegistrationStatus.SUCCEEDED:
            return _registered(request, session, registration.card)
        case RegistrationStatus.EXPIRED:
            return _offer(request, session, reason="expired")
        case RegistrationStatus.OPEN | RegistrationStatus.CHALLENGE | RegistrationStatus.DECLINED:
            return _fields(request, session, registration)


def _fields(request: web.Request, session: PayerSession, registration: Registration) -> web.Response:
    fields = {
        "fields_url": registration.fields_url,
        "hosted_url": registration.hosted_url,
        "fields_origin": registration.fields_origin,
        "is_declined": registration.status is RegistrationStatus.DECLINED,
    }
    values = views.payment(session.page, calendar=request.app[SERVICES].calendar) | fields
    return answers.page(request, "entry", values, csp=policy(frames=[registration.fields_origin]))


def _registered(request: web.Request, session: PayerSession, card: CardSnapshot | None) -> web.Response:
    """Back from the confirmation: what was entered is kept, and may be entered anew."""
    if card is None or session.page.has_refused(card.card_reference):
        return _offer(request, session, reason="begin")
    values = views.payment(session.page, calendar=request.app[SERVICES].calendar)
    return answers.page(request, "entry_registered", values | views.card(card))


def _offer(request: web.Request, session: PayerSession, *, reason: str, status: int = 200) -> web.Response:
    """No fields to show: a button that begins them."""
    values = views.payment(session.page, calendar=request.app[SERVICES].calendar)
    return answers.page(request, "entry_again", values | {"reason": reason}, status=status)
