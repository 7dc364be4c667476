"""The headers that every answer carries, and the content policy of each page (ASVS V3, f91)."""

from collections.abc import Iterable

import aiohttp.web_response
from aiohttp import web

from backend.web.keys import ADDRESS, REQUEST_ID

CSP = "Content-Security-Policy"
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_TWO_YEARS = "max-age=63072000; includeSubDomains"
_NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def policy(*, frames: Iterable[str] = (), forms: Iterable[str] = ()) -> str:
    """Exactly what a page needs: our own style, script and icon, and the named origins for frames and forms."""
    parts = [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        " ".join(("form-action", "'self'", *forms)),
        "frame-ancestors 'none'",
    ]
    return "; ".join([*parts, *([" ".join(("frame-src", *frames))] if frames else [])])


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Set what must never be missing; what a handler chose itself (policy, caching of static files) stays."""
    headers = response.headers
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault(CSP, _NOTHING)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = _NO_DEVICES
    headers["X-Robots-Tag"] = "noindex, nofollow"
    if request.app[ADDRESS].is_https:
        headers["Strict-Transport-Security"] = _TWO_YEARS
    if REQUEST_ID in request:
        headers["X-Request-Id"] = request[REQUEST_ID]


def hide_server_name() -> None:
    """Answers of the HTTP parser itself pass no signal; their server name is this module's constant."""
    aiohttp.web_response.SERVER_SOFTWARE = "-"  # type: ignore[attr-defined]
