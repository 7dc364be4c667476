"""The few kinds of answer that handlers give: a page, a page that looks again by itself, a way on."""

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from backend.web import rendering
from backend.web.headers import policy
from backend.web.keys import RENDERER, REQUEST_ID

LOOK_AGAIN_SECONDS = 10
NOTHING: Mapping[str, object] = MappingProxyType({})


def page(
    request: web.Request,
    template: str,
    values: Mapping[str, object] = NOTHING,
    *,
    status: int = 200,
    csp: str | None = None,
) -> web.Response:
    """A page. Its content policy needs nobody but us unless `csp` says more."""
    text = request.app[RENDERER].text(template, values)
    return rendering.html(text, policy=csp or policy(), status=status)


def waiting_page(request: web.Request, template: str, values: Mapping[str, object]) -> web.Response:
    """A page that the browser asks for again until the matter is decided.

    By the Refresh header: it works without a script, and unlike the meta element it is no part of the document.
    """
    text = request.app[RENDERER].text(template, values)
    return rendering.html(text, policy=policy(), extra_headers=[("Refresh", str(LOOK_AGAIN_SECONDS))])


def see(path: str) -> web.Response:
    """Go on to another page by GET: reloading it repeats nothing."""
    return web.Response(status=303, headers={"Location": path})


def error(request: web.Request, *, status: int, reason: str) -> web.Response:
    """A fixed page for what went wrong at the door; the request's id is for inquiries."""
    return page(request, "error", {"reason": reason, "request_id": request.get(REQUEST_ID, "-")}, status=status)
