"""The one middleware: request ids, tokens, counts, faults, and errors as the platform words them."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulators.line.errors import NOT_FOUND, UNAUTHENTICATED, Refused, refusal
from emulators.line.keys import NUMBER
from emulators.line.state import LineState, Refusal
from emulators.shared.control import PREFIX
from emulators.shared.cors import with_cors
from emulators.shared.faults import Faults
from emulators.shared.recorder import record_call

_REQUEST_ID = "x-line-request-id"
_OPEN_PAGES = "/dialog/"
_BAD_REQUEST = 400


def build(*, state: LineState, faults: Faults) -> Middleware:
    """Return the middleware in front of every handler."""
    expected = f"Bearer {state.config.channel_access_token}"

    @web.middleware
    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        if path.startswith(PREFIX):
            return await with_cors(request, handler, origin=state.config.page_origin)
        state.request_number = number = state.request_number + 1
        request[NUMBER] = number
        is_allowed = request.headers.get("Authorization") == expected
        if not is_allowed and not path.startswith(_OPEN_PAGES):
            handler = _unauthorized

        async def work() -> web.StreamResponse:
            return await _answer(state, request, handler)

        response = await (faults.around(request, work) if faults.is_active else work())
        response.headers[_REQUEST_ID] = state.request_id(number)
        if state.recorder is not None:
            await record_call(state.recorder, request, response)
        return response

    return door


async def _answer(state: LineState, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do the work and count it; a refusal becomes the platform's JSON."""
    resource = request.match_info.route.resource
    name = resource.canonical if resource is not None else "(unknown)"
    state.truth.requests[f"{request.method} {name}"] += 1
    response = await _refusals_as_json(request, handler)
    state.truth.answers[response.status] += 1
    if response.status >= _BAD_REQUEST:
        _remember_refusal(state, request, response)
    return response


async def _refusals_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as problem:
        return refusal(problem)
    except web.HTTPRequestEntityTooLarge:
        return refusal(Refused(413, "Request Entity Too Large"))
    except web.HTTPNotFound:
        return refusal(Refused(404, NOT_FOUND))
    except web.HTTPMethodNotAllowed:
        return refusal(Refused(405, "Method not allowed"))


def _remember_refusal(state: LineState, request: web.Request, response: web.StreamResponse) -> None:
    text = response.text if isinstance(response, web.Response) else None
    entry = Refusal(state.clock.time(), request.method, request.path, response.status, text or "")
    state.truth.refusals.append(entry)


async def _unauthorized(_request: web.Request) -> web.StreamResponse:
    raise Refused(401, UNAUTHENTICATED)
