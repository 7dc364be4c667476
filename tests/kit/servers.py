"""Starts aiohttp applications on free loopback ports, so that real clients meet real servers."""

import contextlib
import itertools
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

# Below the range from which the system takes ports for outgoing connections, and each test process in its own corner:
# between finding a port and serving on it nobody else may take it.
_PORTS = itertools.cycle(range(10_000 + os.getpid() % 40 * 500, 10_000 + os.getpid() % 40 * 500 + 500))


def free_port() -> int:
    """A port that nobody uses right now, and no other test process will ask for."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the cycle never ends")


@asynccontextmanager
async def serving(app: web.Application, port: int) -> AsyncIterator[str]:
    """Serve an application on 127.0.0.1 until the block ends; yields its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
