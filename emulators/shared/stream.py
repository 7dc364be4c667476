"""Live updates for the phone page: server-sent events, one stream per address."""

import asyncio
import json
from typing import Any

from aiohttp import web

from emulators.shared.cors import stream_headers

EVERYONE = ""
_PING_SECONDS = 15.0
_BACKLOG = 1000


class Hub:
    """Hands every published entry to those who listen to its address, or to all addresses."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[asyncio.Queue[str | None]]] = {}

    def has_listeners(self) -> bool:
        """Say whether building an entry is worth the work."""
        return bool(self._listeners)

    def publish(self, *, address: str, entry: dict[str, Any]) -> None:
        """Send `entry` to the listeners of `address`; one who does not read is cut off."""
        queues = self._listeners.get(address, set()) | self._listeners.get(EVERYONE, set())
        if not queues:
            return
        data = json.dumps({"address": address, **entry})
        for queue in queues:
            if queue.qsize() < _BACKLOG:
                queue.put_nowait(data)

    async def serve(self, request: web.Request, *, address: str) -> web.StreamResponse:
        """Answer with the stream of one address until the client or the emulator leaves."""
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                **stream_headers(request),
            }
        )
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        listeners = self._listeners.setdefault(address, set())
        listeners.add(queue)
        try:
            await response.prepare(request)
            await response.write(b": open\n\n")
            await _pump(queue, response)
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            listeners.discard(queue)
            if not listeners:
                self._listeners.pop(address, None)
        return response

    async def close(self, _app: web.Application) -> None:
        """End all streams, so that the application can stop at once."""
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait(None)


async def _pump(queue: asyncio.Queue[str | None], response: web.StreamResponse) -> None:
    while True:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                data = await queue.get()
        except TimeoutError:
            await response.write(b": ping\n\n")
            continue
        if data is None:
            return
        await response.write(f"data: {data}\n\n".encode())
