"""What happens before and after every handler: a request id, the host, the origin, and pages for errors."""

import asyncio
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from backend.store.acting import PAYER, acting
from backend.store.engine import is_out_of_order
from backend.web import answers
from backend.web.forms import BadFormError
from backend.web.keys import ADDRESS, REFUSED_SIGNATURES, REQUEST_ID, SETTINGS

_HOOKS = "/hooks/"
_PROBES = ("/healthz", "/readyz")
_UNSIGNED = 401
_FAILED = 500
_AWAY = 503
_BODY_SECONDS = 10
_FIRST_ERROR = 400
_OURS = {"same-origin", "none"}  # `none` is the person's own doing: an address typed, a page reloaded
_REASONS = {
    400: "bad_form",
    403: "other_site",
    404: "not_found",
    405: "wrong_method",
    413: "too_large",
    415: "bad_form",
    421: "wrong_host",
    429: "too_many",
    503: "away",
}
_log = structlog.get_logger("web")


@web.middleware
async def give_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, for the logs and for whoever asks about an error page."""
    request[REQUEST_ID] = uuid4().hex[:16]
    return await handler(request)


@web.middleware
async def name_actor(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever a page moves is its visitor's doing; the cause is the route, which holds no token (invariant 19)."""
    with acting(actor=PAYER, cause=f"{request.method} {_route(request)}"):
        return await handler(request)


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a page in Japanese; programs (hooks, probes) get it plain."""
    try:
        return await handler(request)
    except BadFormError:
        return answers.error(request, status=400, reason="bad_form")
    except web.HTTPException as refusal:
        if refusal.status < _FIRST_ERROR or _is_for_programs(request):
            raise
        return _explained(request, refusal)
    except Exception as problem:  # noqa: BLE001 - the door: whatever it was, the visitor gets a page
        # No path in the log: it may hold a token.
        _log.exception("request failed", request_id=request[REQUEST_ID])
        return _failed(request, _AWAY if is_out_of_order(problem) else _FAILED)


def _failed(request: web.Request, status: int) -> web.Response:
    """503 when coming again later helps (webhooks do), else 500."""
    if _is_for_programs(request):
        return web.Response(status=status)
    return answers.error(request, status=status, reason=_REASONS.get(status, "failure"))


@web.middleware
async def take_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A body comes plain, whole and soon, or the request is refused (f72, f73); handlers read it from memory."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType
    if request.body_exists:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
    return await handler(request)


@web.middleware
async def count_refused_signatures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A hook answers 401 for a wrong signature and for nothing else; the route says whose it should have been."""
    response = await handler(request)
    if response.status == _UNSIGNED and request.path.startswith(_HOOKS):
        request.app[REFUSED_SIGNATURES].count(_route(request).removeprefix(_HOOKS))
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "nowhere"


def _explained(request: web.Request, refusal: web.HTTPException) -> web.Response:
    response = answers.error(request, status=refusal.status, reason=_REASONS.get(refusal.status, "bad_form"))
    for name in ("Allow", "Retry-After"):
        if name in refusal.headers:
            response.headers[name] = refusal.headers[name]
    return response


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer for our own names only (f85); probes come by address, so they may use any.

    So may webhooks: each is signed, makes no address of the name it came by, and a refused one would be lost.
    """
    if not _is_for_programs(request) and not _is_our_host(request):
        raise web.HTTPMisdirectedRequest
    return await handler(request)


def _is_our_host(request: web.Request) -> bool:
    allowed = {request.app[ADDRESS].host, *(host.lower() for host in request.app[SETTINGS].trusted_hosts)}
    # An absolute request target ("GET http://evil/ HTTP/1.1") is routed by its path and must not pass either (f97).
    named = (
        request.raw_path.partition("://")[2].partition("/")[0] if "://" in request.raw_path.partition("?")[0] else ""
    )
    hosts = {request.host.lower(), *({named.lower()} if named else ())}
    return hosts <= allowed


@web.middleware
async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse forms that another site sends in our visitor's name.

    Old phones send neither header, and `no-referrer` makes some send `Origin: null`. Such a request passes:
    without the SameSite cookie or the secret in the path, which another site does not have, it can do nothing.
    """
    if request.method == "POST" and not request.path.startswith(_HOOKS) and _is_from_elsewhere(request):
        raise web.HTTPForbidden
    return await handler(request)


def _is_from_elsewhere(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in _OURS
    return request.headers.get("Origin", "null") not in {"null", request.app[ADDRESS].origin}


def _is_for_programs(request: web.Request) -> bool:
    return request.path.startswith(_HOOKS) or request.path in _PROBES
