"""A TCP proxy that keeps every byte a client sends: nothing between the wire and the record can hide it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def tee(*, port: int, target: int, sent: bytearray) -> AsyncIterator[None]:
    """Forward 127.0.0.1:`port` to `target` and append what clients send to `sent`."""
    calls: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.create_task(_carry(reader, writer, target=target, sent=sent))
        calls.add(call)
        call.add_done_callback(calls.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for call in tuple(calls):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, target: int, sent: bytearray) -> None:
    inward, outward = await asyncio.open_connection("127.0.0.1", target)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, outward, sent))
            both.create_task(_pump(inward, writer, None))
    finally:
        for end in (writer, outward):
            end.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bytearray | None) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            if record is not None:
                record.extend(data)
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(OSError):
        sink.write_eof()
