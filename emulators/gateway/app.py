"""Builds the sandbox card gateway as one aiohttp application."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from aiohttp import web

from emulators.gateway import browser, control
from emulators.gateway.api import create_api
from emulators.gateway.clock import EmulatorClock, real_time
from emulators.gateway.config import GatewayConfig
from emulators.gateway.keys import STATE
from emulators.gateway.state import GatewayState

__all__ = ["STATE", "GatewayConfig", "create_app"]

LARGEST_BODY_BYTES = 64 * 1024


def create_app(*, config: GatewayConfig, clock: Callable[[], datetime] | None = None) -> web.Application:
    """Return the gateway: `/v1` for the merchant, card pages for browsers, `/_control` for tests.

    `clock` gives the base time (aware); the machine's clock by default.
    """
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    app[STATE] = GatewayState(config=config, clock=EmulatorClock(base=clock or real_time))
    app.cleanup_ctx.append(_deliver_webhooks)
    app.on_shutdown.append(_let_go)
    browser.add_routes(app)
    app.add_subapp("/v1", create_api())
    app.add_subapp("/_control", control.create_control())
    return app


async def _deliver_webhooks(app: web.Application) -> AsyncIterator[None]:
    async with app[STATE].postman.at_work():
        yield


async def _let_go(app: web.Application) -> None:
    app[STATE].faults.closing.set()
