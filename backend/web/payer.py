"""The payer's session on this device: one cookie an order, so that two payments in one browser do not mix."""

from datetime import datetime

from aiohttp import web

from backend.usecases.take_first_payment import SESSION_LIFE, PayerSession, find_payer
from backend.web import answers
from backend.web.keys import ADDRESS, SERVICES

_FORBIDDEN = 403


async def payer_of(request: web.Request, *, now: datetime) -> PayerSession | None:
    """Who has proved on this device that the order in the path is theirs. Changes nothing."""
    return await known_payer(request, order_number=request.match_info["order_number"], now=now)


async def known_payer(request: web.Request, *, order_number: str, now: datetime) -> PayerSession | None:
    """Who has proved on this device that this order is theirs. Changes nothing."""
    cookie = request.cookies.get(_cookie_name(request, order_number), "")
    if not cookie or not cookie.isascii():
        return None
    return await find_payer(request.app[SERVICES], cookie=cookie, order_number=order_number, now=now)


def remember_payer(request: web.Request, response: web.Response, *, order_number: str, cookie: str) -> None:
    """Lax, not Strict: the browser comes back from the card company's page with it."""
    response.set_cookie(
        _cookie_name(request, order_number),
        cookie,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        httponly=True,
        secure=request.app[ADDRESS].is_https,
        samesite="Lax",
    )


def session_over(request: web.Request) -> web.Response:
    """No session for this order on this device, or no more: the way back is the URL."""
    return answers.page(request, "session_over", status=_FORBIDDEN)


def _cookie_name(request: web.Request, order_number: str) -> str:
    return f"__Host-pay-{order_number}" if request.app[ADDRESS].is_https else f"pay-{order_number}"
