"""Calls to the control planes of the three emulators; one session, one way to fail."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
_BUFFER = 1024 * 1024  # one line of a stream holds a whole flex message
_REFUSED = 400


class OutsideError(Exception):
    """An emulator cannot be reached or refuses: see whether `make run` still runs it."""

    def __init__(self, *, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Outside:
    """The emulators as the page reaches them."""

    def __init__(self, *, session: aiohttp.ClientSession, line: str, twilio: str, gateway: str) -> None:
        self._session = session
        self.line, self.twilio, self.gateway = (f"{base}/_control" for base in (line, twilio, gateway))

    async def read(self, url: str) -> Any:
        """Return the JSON at `url`; OutsideError if there is none."""
        return await self._call("GET", url, None)

    async def tell(self, url: str, data: object) -> Any:
        """Post JSON and return the JSON that comes back; OutsideError if it is refused."""
        return await self._call("POST", url, data)

    async def lines(self, url: str) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a stream, beginning with an empty one as soon as it is open; OutsideError at its end."""
        try:
            async with self._session.get(url, timeout=_STREAM_TIMEOUT) as response:
                yield b""
                async for line in response.content:
                    yield line
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OutsideError(status=502, text=str(error)) from error
        raise OutsideError(status=502, text="the stream ended")

    async def _call(self, method: str, url: str, data: object) -> Any:
        try:
            async with self._session.request(method, url, json=data, timeout=_TIMEOUT) as response:
                if response.status >= _REFUSED:
                    raise OutsideError(status=response.status, text=await response.text())
                return await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OutsideError(status=502, text=str(error) or type(error).__name__) from error


@asynccontextmanager
async def open_outside(*, line: str, twilio: str, gateway: str) -> AsyncIterator[Outside]:
    """Hold the session open for as long as the page runs."""
    async with aiohttp.ClientSession(read_bufsize=_BUFFER, connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Outside(session=session, line=line, twilio=twilio, gateway=gateway)
