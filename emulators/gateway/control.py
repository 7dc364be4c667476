"""The door for tests and demonstrations under `/_control`: no key, JSON, never in production."""

from datetime import datetime, timedelta

from aiohttp import web

from emulators.gateway import control_console, control_scripts, control_truth
from emulators.gateway.bodies import read_body
from emulators.gateway.errors import errors_as_json, invalid, json_answer
from emulators.gateway.keys import STATE
from emulators.gateway.records import Json
from emulators.gateway.registrations import checked_url
from emulators.gateway.state import GatewayState

LARGEST_OFFSET_SECONDS = 10 * 366 * 24 * 3600


def create_control() -> web.Application:
    """Return the sub-application for `/_control`."""
    control = web.Application(middlewares=[errors_as_json])
    control.router.add_get("/truth", control_truth.show_truth)
    control.router.add_get("/requests", control_truth.show_requests)
    control.router.add_post("/reset", reset)
    control.router.add_get("/clock", show_clock)
    control.router.add_post("/clock", set_clock)
    control.router.add_get("/config", show_config)
    control.router.add_post("/config", set_config)
    control.router.add_post("/outcomes", control_scripts.queue_outcomes)
    control.router.add_get("/faults", control_scripts.show_faults)
    control.router.add_post("/faults", control_scripts.set_faults)
    control.router.add_post("/webhooks", control_scripts.set_webhooks)
    control.router.add_post("/webhooks/flush", control_scripts.flush_webhooks)
    control.router.add_post("/charges/{id}/late_success", control_scripts.succeed_late)
    control.router.add_post("/charges/{id}/refund", control_console.refund)
    control.router.add_post("/charges/{id}/dispute", control_console.open_dispute)
    control.router.add_post("/disputes/{id}/close", control_console.close_dispute)
    return control


async def reset(request: web.Request) -> web.Response:
    """`POST /_control/reset`: forget everything but the configuration."""
    state = request.config_dict[STATE]
    state.forget()
    state.faults.reset()
    state.postman.forget()
    state.clock.offset = timedelta()
    return json_answer({"reset": True})


async def show_clock(request: web.Request) -> web.Response:
    """`GET /_control/clock`."""
    return json_answer(_clock(request.config_dict[STATE]))


async def set_clock(request: web.Request) -> web.Response:
    """`POST /_control/clock`: `{"offset_seconds": n}` or `{"now": ISO with its offset}`."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    if body.has("now"):
        state.clock.move_to(now=_instant(body.text("now")))
    else:
        seconds = body.number("offset_seconds", least=-LARGEST_OFFSET_SECONDS, most=LARGEST_OFFSET_SECONDS)
        state.clock.offset = timedelta(seconds=seconds)
    body.finish()
    return json_answer(_clock(state))


async def show_config(request: web.Request) -> web.Response:
    """`GET /_control/config`."""
    return json_answer(_config(request.config_dict[STATE]))


async def set_config(request: web.Request) -> web.Response:
    """`POST /_control/config`: `{"webhook_url": str|null, "webhook_secret"?: str}`."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    url = body.optional_text("webhook_url")
    secret = body.optional_text("webhook_secret")
    body.finish()
    state.postman.url = checked_url(url, name="webhook_url") if url is not None else None
    state.postman.secret = secret or state.postman.secret
    state.postman.release()
    return json_answer(_config(state))


def _clock(state: GatewayState) -> Json:
    return {
        "now": state.clock.now().isoformat(),
        "offset_seconds": state.clock.offset.total_seconds(),
    }


def _config(state: GatewayState) -> Json:
    return {"webhook_url": state.postman.url, "public_base": state.config.public_base}


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid("now must be an ISO 8601 instant") from error
    if instant.tzinfo is None:
        raise invalid("now must carry its offset from UTC, such as +09:00")
    return instant
