"""An emulator in a process of its own, for benches: `python -m bench.kit.outsiders line` or `gateway`."""

import asyncio
import signal
import sys

import uvloop
from aiohttp import web

from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from emulators.line.app import LineConfig
from emulators.line.app import create_app as create_line

SECRET = "sandbox-only-not-a-secret"  # noqa: S105 - the settings' own default


async def serve(app: web.Application, *, port: int = 0) -> None:
    """Serve on loopback, print the address, and end with SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await stop.wait()
    await runner.cleanup()


def _line() -> web.Application:
    config = LineConfig(
        channel_secret=SECRET,
        channel_access_token=SECRET,
        webhook_url=None,
        public_base="http://127.0.0.1",
        bot_name="bench",
        keep_bodies=False,
    )
    return create_line(config=config)


def _gateway() -> web.Application:
    config = GatewayConfig(secret_key=SECRET, webhook_secret=SECRET, webhook_url=None, public_base="http://127.0.0.1")
    return create_gateway(config=config)


if __name__ == "__main__":
    uvloop.run(serve(_gateway() if "gateway" in sys.argv else _line()))
