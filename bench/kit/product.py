"""The product's own processes for a bench, as `tsukibarai web` and `tsukibarai worker` start them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime

import aiohttp

from app.clock import ShiftableClock
from app.compose import Parts, open_parts
from app.settings import ClockKind, Settings
from backend.domain.billing_calendar import JST
from bench.kit.processes import Child, python

SEND_DAY = datetime(2026, 12, 10, 10, tzinfo=JST)
_PATIENCE = 20  # seconds


@asynccontextmanager
async def parts_on(url: str, *, line: str, gateway: str) -> AsyncIterator[Parts]:
    """The product's parts in this process, on the send day. Without a gateway to ask, no month is opened."""
    settings = Settings(clock=ClockKind.SHIFTABLE, line_api_base=line, sandbox_gateway_base=gateway)
    async with open_parts(settings, url=url) as parts:
        await ShiftableClock(parts.services.engine).go_to(SEND_DAY)
        await parts.services.clock.refresh()
        yield parts


def worker(number: int, settings: Mapping[str, object]) -> AbstractContextManager[Child]:
    """One worker; LINE's own limit is the only one."""
    return python(f"worker {number}", "-m", "app", "worker", clock="shiftable", line_pushes_per_second=2000, **settings)


def web(port: int, settings: Mapping[str, object]) -> AbstractContextManager[Child]:
    """One web process."""
    base = f"http://127.0.0.1:{port}"
    return python("web", "-m", "app", "web", clock="shiftable", web_port=port, public_base_url=base, **settings)


async def until_ready(http: aiohttp.ClientSession, base: str) -> None:
    """Until the web process and its database answer."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            async with http.get(f"{base}/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.1)
    raise SystemExit("the web process does not become ready")


def free_port() -> int:
    """A port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
