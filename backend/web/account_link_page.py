"""`/link/{token}`: from a LINE chat to the account behind it, and back into LINE's own dialog."""

from datetime import datetime

from aiohttp import web

from backend.usecases import link_line_account
from backend.usecases.verify_identity import Purpose
from backend.web import answers, forms, identity_form
from backend.web.headers import policy
from backend.web.identity_form import Asked, Misread
from backend.web.keys import LINE_LINK, SERVICES, SETTINGS, UNKNOWN_TOKENS, now_of, visitor

_REFUSED, _NOT_FOUND, _AWAY = 422, 404, 503


async def show(request: web.Request) -> web.Response:
    """`GET /link/{token}`: what linking means, and who links."""
    now = await now_of(request)
    if await _invited(request, now=now) is None:
        return _over(request)
    return answers.page(request, "link", identity_form.empty())


async def ask(request: web.Request) -> web.Response:
    """`POST /link/{token}`: send the code."""
    form = await forms.read_form(request)
    now = await now_of(request)
    if await _invited(request, now=now) is None:
        return _over(request)
    match await identity_form.ask(request, form=form, purpose=Purpose.LINE_LINK, now=now):
        case Asked(verification_id=verification_id):
            return answers.see(f"/link/{request.match_info['token']}/{verification_id.hex}")
        case Misread(errors=errors, typed=typed):
            return answers.page(request, "link", {"errors": errors, "typed": typed}, status=_REFUSED)


async def show_code(request: web.Request) -> web.Response:
    """`GET /link/{token}/{verification_id}`: where the code is typed."""
    identity_form.verification_of(request)
    now = await now_of(request)
    return _over(request) if await _invited(request, now=now) is None else _code_page(request, error=None)


async def link(request: web.Request) -> web.Response:
    """`POST /link/{token}/{verification_id}`: the right code leads to LINE's dialog, which tells us by webhook."""
    verification_id = identity_form.verification_of(request)
    form = await forms.read_form(request)
    now = await now_of(request)
    line_user_id = await _invited(request, now=now)
    if line_user_id is None:
        return _over(request)
    answered = await identity_form.answer(
        request, form=form, verification_id=verification_id, purpose=Purpose.LINE_LINK, now=now
    )
    if isinstance(answered, str):
        return _code_page(request, error=answered)
    return await _to_line(request, line_user_id=line_user_id, account_id=answered, now=now)


async def _to_line(request: web.Request, *, line_user_id: str, account_id: int, now: datetime) -> web.Response:
    nonce = await link_line_account.issue_nonce(
        request.app[SERVICES], account_id=account_id, line_user_id=line_user_id, now=now
    )
    url = await request.app[LINE_LINK].dialog_url(line_user_id=line_user_id, nonce=nonce)
    return answers.page(request, "line_away", status=_AWAY) if url is None else answers.see(url)


async def _invited(request: web.Request, *, now: datetime) -> str | None:
    token = request.match_info["token"]
    if not token.isascii():
        return None
    return await link_line_account.find_invited_user(request.app[SERVICES], token=token, now=now)


def _code_page(request: web.Request, *, error: str | None) -> web.Response:
    """Browsers judge the redirect after a form by the form's page: it names LINE's address."""
    csp = policy(forms=request.app[SETTINGS].link_origins)
    values = {"error": error, "start": f"/link/{request.match_info['token']}"}
    return answers.page(request, "link_code", values, csp=csp, status=_REFUSED if error else 200)


def _over(request: web.Request) -> web.Response:
    """Unknown and too old look alike (f84)."""
    if not request.app[UNKNOWN_TOKENS].admits(visitor(request)):
        raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
    return answers.page(request, "link_over", status=_NOT_FOUND)
