"""The card gateway emulator in a thread with a loop of its own, for tests that bring their own loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.settings import SANDBOX_SECRET
from emulators.gateway.app import GatewayConfig, create_app
from tests.kit.clock import FakeClock
from tests.kit.servers import free_port, serving


class _Door:
    """Opens in the thread, is closed from outside."""

    def __init__(self, *, port: int, clock: FakeClock) -> None:
        self.port, self.clock = port, clock
        self.is_open = threading.Event()

    def keep(self) -> None:
        asyncio.run(self._serve())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        config = GatewayConfig(
            secret_key=SANDBOX_SECRET,
            webhook_secret=SANDBOX_SECRET,
            webhook_url=None,
            public_base=f"http://127.0.0.1:{self.port}",
        )
        async with serving(create_app(config=config, clock=self.clock.now), self.port):
            self.is_open.set()
            await self._over.wait()


@contextmanager
def gateway_in_a_thread(clock: FakeClock) -> Iterator[str]:
    """Yields the gateway's address; `clock` is its clock too."""
    door = _Door(port=free_port(), clock=clock)
    thread = threading.Thread(target=door.keep, name="card gateway", daemon=True)
    thread.start()
    if not door.is_open.wait(timeout=60):
        raise TimeoutError("the card gateway did not start")
    try:
        yield f"http://127.0.0.1:{door.port}"
    finally:
        door.close()
        thread.join(timeout=60)
