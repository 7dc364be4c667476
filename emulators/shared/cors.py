"""The control plane for a page of one other origin; nobody else's page may drive an emulator."""

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

_HEADERS: web.RequestKey[dict[str, str]] = web.RequestKey("cors_headers", dict)


async def with_cors(request: web.Request, handler: Handler, *, origin: str | None) -> web.StreamResponse:
    """Answer a control call, readable by pages of `origin` (None: by no page)."""
    if origin is None or request.headers.get("Origin") != origin:
        return await handler(request)
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Allow-Methods": "GET, POST",
        "Vary": "Origin",
    }
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=allowed)
    request[_HEADERS] = allowed
    response = await handler(request)
    if not response.prepared:
        response.headers.update(allowed)
    return response


def stream_headers(request: web.Request) -> Mapping[str, str]:
    """Return what a stream must say itself, since its headers leave before its handler ends."""
    headers: Mapping[str, str] = request.get(_HEADERS, {})
    return headers
