"""Follows one emulator's stream for the page: catches up, listens, and begins again when the line breaks."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from emulators.phone.outside import Outside, OutsideError

_PAUSE_SECONDS = 1.0
_DATA = b"data: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One emulator's stream: the addresses that matter, whose they are, and what is on their screens."""

    channel: str
    url: str
    owners: Callable[[str], Sequence[str]]
    people: Callable[[], Awaitable[Sequence[str]]]
    screen: Callable[[str, int], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One event for the browser; `mark` is the channel's last sequence number with it.

    Kinds: `entry` (a message), `live` (everything that was there has been sent), `forgotten` (the emulator began
    anew, so what the page shows is gone), `broken` (the emulator cannot be heard at the moment).
    """

    kind: str
    channel: str
    mark: int
    data: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Follower:
    """Puts what appears after `mark` on the queue, each entry once."""

    outside: Outside
    source: Source
    mark: int
    queue: asyncio.Queue[Post | None]
    # A line on loopback breaks only when the emulator ends; the next one counts from 1 again.
    is_broken: bool = False

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except OutsideError as error:
                self.is_broken = True
                self._post("broken", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        async with aclosing(self.outside.lines(self.source.url)) as lines:
            async for line in lines:
                if not line:
                    await self._catch_up()  # the stream is open: nothing can slip between the two
                elif line.startswith(_DATA):
                    entry = json.loads(line.removeprefix(_DATA))
                    self._pass(entry.pop("address"), entry)

    async def _catch_up(self) -> None:
        """Send what is there already; the rest is waiting in the stream."""
        addresses = await self.source.people()
        if addresses:
            horizon = (await self.source.screen(addresses[0], self.mark))["last"]
            if self.is_broken or horizon < self.mark:
                self.mark, self.is_broken = 0, False
                self._post("forgotten")
            for address, entry in await self._waiting(addresses, horizon=horizon):
                self._pass(address, entry)
            self.mark = horizon
        self._post("live")

    async def _waiting(self, addresses: Sequence[str], *, horizon: int) -> list[tuple[str, Any]]:
        found = [
            (address, entry)
            for address in addresses
            for entry in (await self.source.screen(address, self.mark))["messages"]
            if entry["seq"] <= horizon
        ]
        return sorted(found, key=lambda one: one[1]["seq"])

    def _pass(self, address: str, entry: dict[str, Any]) -> None:
        if entry["seq"] > self.mark:
            self.mark = entry["seq"]
            if keys := self.source.owners(address):
                self._post("entry", keys=keys, entry=entry)

    def _post(self, kind: str, **data: Any) -> None:
        self.queue.put_nowait(Post(kind=kind, channel=self.source.channel, mark=self.mark, data=data))
