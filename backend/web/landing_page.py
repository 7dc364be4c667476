"""`/p/{token}`: where the payment URL leads. Looking changes nothing; answering the question begins a session."""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from backend.domain.payment_page import PageState, PaymentPage
from backend.ports import GatewayUnavailableError
from backend.usecases import take_first_payment
from backend.usecases.take_first_payment import ProofResult, ProvenPayer
from backend.web import answers, card_entry_page, forms, payer, payment_states, views
from backend.web.keys import RENDERER, SERVICES, UNKNOWN_TOKENS, now_of, visitor

_REFUSED = 422
_NOT_FOUND = 404
_QUESTIONS = {PageState.PAYABLE: "landing", PageState.CHALLENGED: "challenged_elsewhere"}


async def show(request: web.Request) -> web.Response:
    """`GET /p/{token}`: what is to be paid, and the question; or what is true instead. Robots may look too (f43)."""
    now = await now_of(request)
    page = await _find(request)
    return _not_found(request) if page is None else await _page(request, page, now=now)


async def prove(request: web.Request) -> web.Response:
    """`POST /p/{token}`: the right digits open the card entry for this browser."""
    form = await forms.read_form(request)
    now = await now_of(request)
    page = await _find(request)
    if page is None:
        return _not_found(request)
    if not page.may_prove(now=now):
        return await _page(request, page, now=now)
    tail = forms.last_four(form.get("phone_tail", ""))
    if error := _fault(request, form, tail):
        return await _page(request, page, now=now, error=error)
    return await _begin(request, tail=tail or "", now=now)


def _fault(request: web.Request, form: Mapping[str, str], tail: str | None) -> str | None:
    """What is wrong with the form itself; such an answer is not counted as a wrong one."""
    if form.get("consent_version") != request.app[RENDERER].consent_version:
        return "consent_changed"
    return "not_four_digits" if tail is None else None


async def _begin(request: web.Request, *, tail: str, now: datetime) -> web.Response:
    services, token = request.app[SERVICES], request.match_info["token"]
    proven = await take_first_payment.prove_payer(services, token=token, phone_tail=tail, now=now)
    match proven:
        case None:
            return _not_found(request)
        case ProofResult():
            return await _refuse(request, proven, now=now)
        case ProvenPayer():
            return await _go_on(request, proven, now=now)


async def _refuse(request: web.Request, why: ProofResult, *, now: datetime) -> web.Response:
    """Look again: the wrong answer may have been the last one that is allowed."""
    page = await _find(request)
    if page is None:
        return _not_found(request)
    return await _page(request, page, now=now, error="wrong_answer" if why is ProofResult.WRONG_ANSWER else None)


async def _go_on(request: web.Request, proven: ProvenPayer, *, now: datetime) -> web.Response:
    """To the card entry; or, when the issuer is asking already, to its question, also on another device."""
    order_number, is_asked = proven.page.order_number, proven.page.state(now=now) is PageState.CHALLENGED
    if not is_asked:
        await _open_entry(request, proven, now=now)
    response = answers.see(f"/pay/{order_number}/{'done' if is_asked else 'entry'}")
    payer.remember_payer(request, response, order_number=order_number, cookie=proven.cookie)
    return response


async def _open_entry(request: web.Request, proven: ProvenPayer, *, now: datetime) -> None:
    """A gateway that is away does not undo the proof: the entry page offers to try again."""
    session = await take_first_payment.find_payer(
        request.app[SERVICES], cookie=proven.cookie, order_number=proven.page.order_number, now=now
    )
    if session is not None:
        try:
            await card_entry_page.begin(request, session, now=now)
        except GatewayUnavailableError:
            card_entry_page.log_absence(request)


async def _find(request: web.Request) -> PaymentPage | None:
    token = request.match_info["token"]
    if not token.isascii():
        return None
    return await take_first_payment.find_page(request.app[SERVICES], token=token)


async def _page(request: web.Request, page: PaymentPage, *, now: datetime, error: str | None = None) -> web.Response:
    """The question, and a way on for who has answered it on this device already; or what is true instead."""
    state = page.state(now=now)
    if state not in _QUESTIONS:
        return payment_states.unpayable(request, page=page, state=state, now=now)
    known = await payer.known_payer(request, order_number=page.order_number, now=now)
    values = views.payment(page, calendar=request.app[SERVICES].calendar)
    values |= {"error": error, "has_session": known is not None}
    return answers.page(request, _QUESTIONS[state], values, status=_REFUSED if error else 200)


def _not_found(request: web.Request) -> web.Response:
    """The same for every unknown token; who tries many is slowed down, a known token never is (f84)."""
    if not request.app[UNKNOWN_TOKENS].admits(visitor(request)):
        raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
    return answers.error(request, status=_NOT_FOUND, reason="not_found")
