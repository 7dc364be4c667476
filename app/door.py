"""Lets so many connections in and no more: who holds one without asking for anything makes room for who comes (f72)."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler
from typing_extensions import override

_ANSWERED_SECONDS = 1.0  # after its handler has ended, an answer is on its way for a moment


class Door:
    """Counts the connections of one web process. `middleware` must be the application's outermost."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._inside: dict[asyncio.BaseProtocol, asyncio.BaseTransport] = {}
        # Those without a request, the longest first, with the time from which on they may be sent away.
        self._waiting: dict[asyncio.BaseProtocol, float] = {}

    def guarded(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """The same connections, each of which must pass this door."""
        return lambda: _Guest(self, make())

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whose request is being worked on is never sent away."""
        protocol = request.protocol
        self._waiting.pop(protocol, None)
        try:
            return await handler(request)
        finally:
            if protocol in self._inside:
                self._waiting[protocol] = asyncio.get_running_loop().time() + _ANSWERED_SECONDS

    def enter(self, protocol: asyncio.BaseProtocol, transport: asyncio.BaseTransport) -> bool:
        """Whether there is room, or somebody idle who can make it."""
        if len(self._inside) >= self._most and not self._send_one_away():
            return False
        self._inside[protocol] = transport
        self._waiting[protocol] = 0.0
        return True

    def leave(self, protocol: asyncio.BaseProtocol) -> None:
        """The connection is over."""
        self._inside.pop(protocol, None)
        self._waiting.pop(protocol, None)

    def _send_one_away(self) -> bool:
        now = asyncio.get_running_loop().time()
        idle = next((protocol for protocol, since in self._waiting.items() if since <= now), None)
        if idle is None:
            return False
        transport = self._inside[idle]
        self.leave(idle)
        transport.close()
        return True


class _Guest(asyncio.Protocol):
    """One connection: everything is handed on to its protocol, once the door has let it in."""

    def __init__(self, door: Door, protocol: asyncio.Protocol) -> None:
        self._door = door
        self._protocol = protocol
        self._is_in = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._is_in = self._door.enter(self._protocol, transport)
        if self._is_in:
            self._protocol.connection_made(transport)
        else:
            transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_in:
            self._door.leave(self._protocol)
            self._protocol.connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_in:
            self._protocol.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._protocol.eof_received() if self._is_in else None

    @override
    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._protocol.resume_writing()
