"""The merchant's API under `/v1`: its routes, and the middlewares around every call."""

import asyncio
import hmac
import secrets
from datetime import UTC
from email.utils import format_datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.gateway import account, charge_calls, customers, disputes, refunds, registrations
from emulators.gateway.errors import GatewayError, errors_as_json
from emulators.gateway.faults import misbehave, take_time
from emulators.gateway.idempotency import answer_once
from emulators.gateway.keys import STATE


def create_api() -> web.Application:
    """Return the sub-application for `/v1`; it finds its state in the application above."""
    api = web.Application(
        middlewares=[
            finish_what_began,
            errors_as_json,
            note_request,
            misbehave,
            errors_as_json,  # inside the log and the faults, which want to see an answer
            authenticate,
            answer_once,
            errors_as_json,  # inside the keys, so that refusals are answered again too
            take_time,
        ]
    )
    api.router.add_post("/customers", customers.create)
    api.router.add_post("/card_registrations", registrations.create)
    api.router.add_get("/card_registrations/{id}", registrations.fetch)
    api.router.add_post("/charges", charge_calls.create)
    api.router.add_get("/charges", charge_calls.list_newest_first)
    api.router.add_get("/charges/{id}", charge_calls.fetch)
    api.router.add_post("/charges/{id}/cancel", charge_calls.cancel)
    api.router.add_post("/refunds", refunds.create)
    api.router.add_get("/refunds", refunds.list_newest_first)
    api.router.add_get("/refunds/{id}", refunds.fetch)
    api.router.add_get("/disputes/{id}", disputes.fetch)
    api.router.add_get("/cards/{id}", customers.fetch_card)
    api.router.add_post("/cards/{id}/detach", customers.detach_card)
    api.router.add_get("/transactions", account.list_transactions)
    api.router.add_get("/settlements", account.list_settlements)
    return api


@web.middleware
async def finish_what_began(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Work on when the client has gone, as a real gateway does; give every answer an id and the gateway's own time."""
    work = asyncio.ensure_future(handler(request))
    response = await asyncio.shield(work)
    response.headers["X-Request-Id"] = f"req_{secrets.token_hex(8)}"
    response.headers["Date"] = format_datetime(request.config_dict[STATE].clock.now().astimezone(UTC), usegmt=True)
    return response


@web.middleware
async def note_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log the request and what was answered."""
    state = request.config_dict[STATE]
    body = await request.read()
    received = state.requests.note(request, body=body, at=state.clock.unix())
    response = await handler(request)
    received.status = response.status
    return response


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only the holder of the secret key in."""
    expected = f"Bearer {request.config_dict[STATE].config.secret_key}"
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise GatewayError(
            status=401,
            kind="authentication_error",
            code="authentication_error",
            message="The secret key is missing or wrong.",
        )
    return await handler(request)
