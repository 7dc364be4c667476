"""What a platform asks: does the process live, and may it be sent visitors."""

from aiohttp import web

from backend.store.readiness import is_ready
from backend.web.keys import OLDER_MIGRATIONS, SERVICES, STATIC
from backend.web.static import respond

_UNAVAILABLE = 503


async def alive(request: web.Request) -> web.Response:
    """`GET /healthz`: the process answers."""
    del request
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """`GET /readyz`: the database answers and its schema is no older than this code."""
    if await is_ready(request.app[SERVICES].engine, too_old=request.app[OLDER_MIGRATIONS]):
        return web.json_response({"status": "ready"})
    return web.json_response({"status": "not ready"}, status=_UNAVAILABLE)


async def static(request: web.Request) -> web.Response:
    """`GET /static/{name}`: our style sheet, script and icon."""
    found = request.app[STATIC].find(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    return respond(found)


async def robots(request: web.Request) -> web.Response:
    """`GET /robots.txt`: nothing here is for search engines."""
    del request
    return web.Response(text="User-agent: *\nDisallow: /\n")
