"""Webhooks on their way: background deliveries with their own session, in order or disturbed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

Job = Callable[[], Awaitable[object]]
_HOLD_SECONDS = 1.0


@dataclass(slots=True)
class Disturbance:
    """What happens to deliveries: lost, late, repeated, or held and sent in reverse order."""

    enabled: bool = True
    duplicate: int = 0
    shuffle: int = 0
    delay_seconds: float = 0.0

    def configure(self, data: Mapping[str, Any]) -> None:
        """Change what `data` names; `shuffle: true` means pairs."""
        self.enabled = bool(data.get("enabled", self.enabled))
        self.duplicate = int(data.get("duplicate", self.duplicate))
        shuffle = data.get("shuffle", self.shuffle)
        self.shuffle = 2 if shuffle is True else int(shuffle)
        self.delay_seconds = float(data.get("delay_seconds", self.delay_seconds))


class Courier:
    """Runs deliveries behind the API's back; never makes an answer wait."""

    def __init__(self) -> None:
        self.disturbance = Disturbance()
        self.lost = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Job] = []
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session of this emulator's own calls; RuntimeError outside the app's life."""
        if self._session is None:
            raise RuntimeError("The emulator is not running: start its application first.")
        return self._session

    def submit(self, job: Job) -> None:
        """Schedule one delivery, disturbed as the control plane said."""
        if not self.disturbance.enabled:
            self.lost += 1
            return
        for _ in range(1 + self.disturbance.duplicate):
            if self.disturbance.shuffle > 1:
                self._hold(job)
            else:
                self.spawn(self._later(job))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background and keep hold of it until it ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Return when nothing is on its way any more."""
        self._flush()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def life(self, _app: web.Application) -> AsyncIterator[None]:
        """Hold the session open while the application lives (a cleanup context)."""
        connector = aiohttp.TCPConnector(limit=50)
        async with aiohttp.ClientSession(connector=connector) as session:
            self._session = session
            yield
            self.disturbance = Disturbance(enabled=False)
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._session = None

    def forget(self) -> None:
        """Lose everything that is on its way and end all disturbance."""
        for task in tuple(self._tasks):
            task.cancel()
        self._held.clear()
        self.disturbance = Disturbance()
        self.lost = 0

    def _hold(self, job: Job) -> None:
        if not self._held:
            self.spawn(self._flush_later())
        self._held.append(job)
        if len(self._held) >= self.disturbance.shuffle:
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held:
            self.spawn(self._one_by_one(held[::-1]))

    async def _flush_later(self) -> None:
        await asyncio.sleep(_HOLD_SECONDS)
        self._flush()

    async def _one_by_one(self, jobs: list[Job]) -> None:
        for job in jobs:
            await self._later(job)

    async def _later(self, job: Job) -> None:
        if self.disturbance.delay_seconds:
            await asyncio.sleep(self.disturbance.delay_seconds)
        await job()
