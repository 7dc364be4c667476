"""The Twilio emulator as an aiohttp application: the Messages API of one account."""

from aiohttp import web

from emulators.shared.buckets import Buckets
from emulators.shared.clock import EmulatorClock
from emulators.shared.control import CommonParts, add_common_routes
from emulators.shared.courier import Courier
from emulators.shared.faults import Faults
from emulators.shared.recorder import Recorder
from emulators.shared.stream import Hub
from emulators.twilio import control, door, reading, sending
from emulators.twilio.config import TwilioConfig
from emulators.twilio.errors import TwilioErrors
from emulators.twilio.resource import API
from emulators.twilio.state import STATE, TwilioState

__all__ = ["STATE", "TwilioConfig", "create_app"]

_MESSAGES = API + "/{account}/Messages"


def create_app(*, config: TwilioConfig) -> web.Application:
    """Build one emulated account; serve it without an access log when speed matters."""
    state, faults = _new_state(config), Faults(TwilioErrors())
    app = web.Application(middlewares=[door.build(state=state, faults=faults)])
    app[STATE] = state
    parts = CommonParts(clock=state.clock, faults=faults, courier=state.courier)
    app.router.add_post(f"{_MESSAGES}.json", sending.create)
    app.router.add_get(f"{_MESSAGES}.json", reading.read_list)
    app.router.add_get(f"{_MESSAGES}/{{sid}}.json", reading.fetch)
    app.router.add_post(f"{_MESSAGES}/{{sid}}.json", reading.update)
    app.router.add_delete(f"{_MESSAGES}/{{sid}}.json", reading.delete)
    add_common_routes(app, parts=parts, deliveries="callbacks")
    control.add_routes(app)
    app.on_shutdown.append(state.hub.close)
    app.on_cleanup.append(_close_recorder)
    return app


def _new_state(config: TwilioConfig) -> TwilioState:
    recorder = config.record_to and Recorder(path=config.record_to, api="twilio")
    return TwilioState(
        config=config,
        clock=EmulatorClock(),
        courier=Courier(),
        hub=Hub(),
        recorder=recorder or None,
        buckets=Buckets(rates=config.rates),
        inbound_url=config.inbound_url,
    )


async def _close_recorder(app: web.Application) -> None:
    recorder = app[STATE].recorder
    if recorder is not None:
        recorder.close()
