"""The one middleware: Basic auth, request ids, counts, faults, and errors as JSON."""

import base64
import secrets

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from emulators.shared.control import PREFIX
from emulators.shared.cors import with_cors
from emulators.shared.faults import Faults
from emulators.shared.recorder import record_call
from emulators.twilio.config import TwilioConfig
from emulators.twilio.errors import Code, Refused, refusal
from emulators.twilio.state import Refusal, TwilioState

_BAD_REQUEST = 400


def build(*, state: TwilioState, faults: Faults) -> Middleware:
    """Return the middleware in front of every handler."""
    accepted = _accepted_headers(state.config)

    @web.middleware
    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(PREFIX):
            return await with_cors(request, handler, origin=state.config.page_origin)
        if request.headers.get("Authorization") not in accepted:
            handler = _unauthorized
        elif request.match_info.get("account") != state.config.account_sid:
            handler = _not_found

        async def work() -> web.StreamResponse:
            return await _answer(state, request, handler)

        response = await (faults.around(request, work) if faults.is_active else work())
        response.headers["Twilio-Request-Id"] = "RQ" + secrets.token_hex(16)
        if state.recorder is not None:
            await record_call(state.recorder, request, response)
        return response

    return door


def _accepted_headers(config: TwilioConfig) -> frozenset[str]:
    pairs = {config.account_sid: config.auth_token, **config.api_keys}
    return frozenset(
        "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode() for user, secret in pairs.items()
    )


async def _answer(state: TwilioState, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do the work and count it; a refusal becomes the platform's JSON."""
    resource = request.match_info.route.resource
    name = resource.canonical if resource is not None else "(unknown)"
    state.truth.requests[f"{request.method} {name}"] += 1
    response = await _refusals_as_json(request, handler)
    state.truth.answers[response.status] += 1
    if response.status >= _BAD_REQUEST:
        text = response.text if isinstance(response, web.Response) else None
        entry = Refusal(state.clock.time(), request.method, request.path, response.status, text or "")
        state.truth.refusals.append(entry)
    return response


async def _refusals_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as problem:
        return refusal(problem)
    except web.HTTPNotFound:
        return refusal(Refused(Code.NOT_FOUND, status=404))
    except (web.HTTPRequestEntityTooLarge, web.HTTPMethodNotAllowed) as error:
        return refusal(Refused(Code.BAD_REQUEST, status=error.status))


async def _unauthorized(_request: web.Request) -> web.StreamResponse:
    raise Refused(Code.AUTHENTICATE, status=401)


async def _not_found(_request: web.Request) -> web.StreamResponse:
    raise Refused(Code.NOT_FOUND, status=404)
