"""The typed key under which the application carries its state."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from emulators.gateway.state import GatewayState

STATE: "web.AppKey[GatewayState]" = web.AppKey("gateway_state")
