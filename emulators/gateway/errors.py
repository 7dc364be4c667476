"""The API's errors: one exception, and the middleware that writes it down as JSON."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.gateway.records import Charge, Json

log = logging.getLogger(__name__)


class GatewayError(Exception):
    """The API refuses a call; the body of the answer says why."""

    def __init__(self, *, status: int, kind: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"type": kind, "code": code, "message": message}
        self.headers: dict[str, str] = {}

    def response(self) -> web.Response:
        """Return the answer for this error."""
        return json_answer({"error": self.body}, status=self.status, headers=self.headers)


def invalid(message: str, *, code: str = "parameter_invalid") -> GatewayError:
    """Return a 400: the call itself is wrong."""
    return GatewayError(status=400, kind="invalid_request", code=code, message=message)


def not_found(message: str) -> GatewayError:
    """Return a 404 for an object that the path names."""
    return GatewayError(status=404, kind="not_found", code="not_found", message=message)


def declined(charge: Charge) -> GatewayError:
    """Return the 402 that goes with a declined charge."""
    error = GatewayError(status=402, kind="card_error", code="card_declined", message="The card was declined.")
    error.body |= {
        "decline_code": charge.decline_code,
        "advice": charge.advice,
        "charge": charge.id,
    }
    return error


def json_answer(body: Json, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return `body` as a JSON answer."""
    return web.json_response(body, status=status, headers=headers)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every refusal into the JSON of the contract."""
    try:
        return await handler(request)
    except GatewayError as error:
        return error.response()
    except web.HTTPException as error:
        return _from_http(error).response()
    except Exception:
        log.exception("the gateway emulator failed in a handler")
        return GatewayError(status=500, kind="api_error", code="api_error", message="Something went wrong.").response()


def _from_http(error: web.HTTPException) -> GatewayError:
    kind = "not_found" if error.status == web.HTTPNotFound.status_code else "invalid_request"
    return GatewayError(status=error.status, kind=kind, code=kind, message=error.reason)
