"""The access log: which route, how it ended, how long it took. Never a path: paths hold tokens."""

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from typing_extensions import override

from backend.web.keys import REQUEST_ID

_log = structlog.get_logger("access")
_NO_ROUTE = "-"


class AccessLogger(AbstractAccessLogger):
    """Give it to aiohttp's runner as `access_log_class`."""

    @override
    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        _log.info(
            "request",
            method=request.method if request.method.isalpha() else _NO_ROUTE,
            route=_route(request),
            status=response.status,
            ms=round(time * 1000, 1),
            request_id=request.get(REQUEST_ID, _NO_ROUTE),
        )


def _route(request: web.BaseRequest) -> str:
    """The template, such as `/p/{token}`; nothing for what no route knows, or what could not even be read."""
    try:
        resource = request.match_info.route.resource if isinstance(request, web.Request) else None
    except AssertionError:  # aiohttp's way to say that it refused the request before it looked for a route
        resource = None
    return resource.canonical if resource else _NO_ROUTE
