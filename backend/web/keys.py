"""What every handler may ask the application for, typed, and the one way to learn the time of a request."""

from datetime import datetime

from aiohttp import hdrs, web

from backend.ports import LineAccountLink
from backend.usecases.services import Services
from backend.web.client_address import client_address
from backend.web.limiter import Limiter
from backend.web.page_settings import PageSettings, PublicAddress
from backend.web.refused_signatures import RefusedSignatures
from backend.web.rendering import Renderer
from backend.web.static import StaticFiles

SERVICES = web.AppKey("services", Services)
SETTINGS = web.AppKey("settings", PageSettings)
ADDRESS = web.AppKey("address", PublicAddress)
RENDERER = web.AppKey("renderer", Renderer)
STATIC = web.AppKey("static", StaticFiles)
LINE_LINK = web.AppKey[LineAccountLink]("line_link")
UNKNOWN_TOKENS = web.AppKey("unknown_tokens", Limiter)
CODE_STARTS = web.AppKey("code_starts", Limiter)
REFUSED_SIGNATURES = web.AppKey("refused_signatures", RefusedSignatures)
OLDER_MIGRATIONS = web.AppKey[frozenset[str]]("older_migrations")

REQUEST_ID = web.RequestKey("request_id", str)


async def now_of(request: web.Request) -> datetime:
    """The instant that this request is judged by; ask once a request."""
    clock = request.app[SERVICES].clock
    await clock.refresh()
    return clock.now()


def visitor(request: web.Request) -> str:
    """Whom to count for the rate limits; the only place that asks where a request came from."""
    return client_address(
        peer=request.remote or "",
        forwarded=request.headers.getall(hdrs.X_FORWARDED_FOR, ()),
        trusted=request.app[SETTINGS].trusted_proxies,
    )
