"""The web process: one aiohttp application with the pages, and the hooks of LINE, Twilio and the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from app.compose import TEMPLATES, Parts
from app.door import Door
from backend.web.access_log import AccessLogger
from backend.web.app import create_web_app
from backend.web.gateway_hook import gateway_hook
from backend.web.page_settings import PageSettings
from bot.channels.sms import TwilioSignature
from bot.line_events import LineHook
from bot.sms_events import TwilioHooks

_SHUTDOWN_SECONDS = 30.0  # longer than the gateway's time limit: a payment in flight is finished (f15)

_IDLE_SECONDS = 75.0  # longer than proxies keep a connection to us (60), so that they close it and not we


def make_web_app(parts: Parts) -> web.Application:
    """Pages and hooks together: most hosts expose only this one process."""
    settings = parts.settings
    app = create_web_app(
        services=parts.services,
        pages=PageSettings(
            sender_name=settings.sender_name,
            support_phone=settings.support_phone,
            templates_dir=TEMPLATES,
            trusted_hosts=settings.trusted_hosts,
            trusted_proxies=settings.trusted_proxies,
            link_origins=(settings.line_dialog_base,),
        ),
        line_link=parts.line,
    )
    line = LineHook(services=parts.services, channel_secrets=[settings.line_channel_secret.get_secret_value()])
    twilio = TwilioHooks(
        services=parts.services, signature=TwilioSignature(settings.twilio_auth_token.get_secret_value())
    )
    app.router.add_post("/hooks/line", line.handle)
    app.router.add_post("/hooks/twilio/sms", twilio.inbound)
    app.router.add_post("/hooks/twilio/status", twilio.status)
    app.add_routes([gateway_hook(parts.services)])
    return app


@asynccontextmanager
async def serving(
    app: web.Application, *, host: str, port: int, connections: int, idle_seconds: float = _IDLE_SECONDS
) -> AsyncIterator[None]:
    """Serve until the block ends. Several web processes may share the port.

    At most `connections` are open at once; one that asks for nothing, or does not come to the end of its headers, is
    closed after `idle_seconds`, and sooner when another needs its place (f72).
    """
    door = Door(most=connections)
    app.middlewares.insert(0, door.middleware)
    runner = web.AppRunner(
        app,
        access_log_class=AccessLogger,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        handler_cancellation=False,
        keepalive_timeout=idle_seconds,
    )
    await runner.setup()
    try:
        async with _listening(runner, door, host=host, port=port):
            yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _listening(runner: web.AppRunner, door: Door, *, host: str, port: int) -> AsyncIterator[None]:
    """As aiohttp's own site, with our door in front: it has no limit of its own."""
    if runner.server is None:
        raise RuntimeError("set the runner up first")
    connections = door.guarded(runner.server)
    server = await asyncio.get_running_loop().create_server(connections, host, port, reuse_port=True)
    try:
        yield
    finally:
        server.close()


async def serve_until_stopped(parts: Parts, *, stop: asyncio.Event) -> None:
    """Run the web process until somebody asks it to stop."""
    settings = parts.settings
    async with serving(
        make_web_app(parts), host=settings.web_host, port=settings.web_port, connections=settings.max_connections
    ):
        await stop.wait()
