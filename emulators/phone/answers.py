"""The page's own door: JSON in and out, errors as one sentence, strict headers on everything."""

import json
import logging
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.phone.outside import OutsideError

_log = logging.getLogger(__name__)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NOT_FOUND = 404


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body; 400 when it is anything else."""
    try:
        data = json.loads(await request.read())
    except ValueError as error:
        raise web.HTTPBadRequest(text="The body is not JSON.") from error
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return data


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries."""
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def errors_as_sentences(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error of `/api` as `{"error": sentence}`."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    try:
        _refuse_other_pages(request)
        return await handler(request)
    except OutsideError as error:
        status = error.status if error.status == _NOT_FOUND else 502
        return web.json_response({"error": f"外側のサービスから返事がありません: {error}"}, status=status)
    except web.HTTPException as error:
        return web.json_response({"error": error.text}, status=error.status)
    except Exception:  # noqa: BLE001 - a door: whatever it is, the page gets one sentence
        _log.exception("the phone page could not do what it was asked for")
        return web.json_response({"error": "処理の途中で失敗しました。サーバーの記録をご覧ください。"}, status=500)


def _refuse_other_pages(request: web.Request) -> None:
    """A page of another origin can send a form, but not JSON without asking first."""
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Only JSON is taken.")
