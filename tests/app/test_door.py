"""Connections that ask for nothing keep nobody out (f72)."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from app.settings import SANDBOX_SECRET
from app.web import make_web_app, serving
from tests.hooks.test_line_hook import ANNA, event, webhook
from tests.kit.servers import free_port
from tests.kit.world import World

MOST, QUEUE = 10, 50
UNFINISHED = b"POST /hooks/line HTTP/1.1\r\nHost: x\r\nX-Slow: "


@asynccontextmanager
async def connected(port: int, *, count: int, says: bytes) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections, none of which ends its request; no more at once than the kernel's queue holds."""
    pairs = []
    for begun in range(0, count, QUEUE):
        some = min(QUEUE, count - begun)
        pairs += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(some)))
    for _, writer in pairs:
        writer.write(says)
    yield [reader for reader, _ in pairs]
    for _, writer in pairs:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in pairs), return_exceptions=True)


async def until_sent_away(readers: list[asyncio.StreamReader], *, but: int) -> None:
    """Until the server has closed all of them but so many."""
    reading = {asyncio.ensure_future(reader.read()) for reader in readers}
    async with asyncio.timeout(60):
        while len(reading) > but:
            _, reading = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
    for still in reading:
        still.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


async def send_webhook(world: World, port: int) -> int:
    body = webhook(event(1, ANNA, "こんにちは"))
    digest = hmac.new(SANDBOX_SECRET.encode(), body, hashlib.sha256).digest()
    headers = {
        "Host": urlsplit(world.settings.public_base_url).netloc,
        "x-line-signature": base64.b64encode(digest).decode(),
    }
    async with world.http.post(f"http://127.0.0.1:{port}/hooks/line", data=body, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("says", [b"", UNFINISHED], ids=["silent", "unfinished headers"])
async def test_f72_hundreds_of_idle_connections_do_not_keep_a_webhook_out(world: World, says: bytes) -> None:
    port = free_port()
    pages = serving(make_web_app(world.parts), host="127.0.0.1", port=port, connections=MOST)

    async with pages, connected(port, count=300, says=says) as readers:
        status = await send_webhook(world, port)
        await until_sent_away(readers, but=MOST)

    assert status == 200
    assert await world.rows("SELECT count(*) FROM inbox_event") == [(1,)]


async def test_f72_a_connection_that_asks_for_nothing_is_closed(world: World) -> None:
    port = free_port()
    pages = serving(make_web_app(world.parts), host="127.0.0.1", port=port, connections=MOST, idle_seconds=0.2)

    async with pages, connected(port, count=3, says=UNFINISHED) as readers:
        await until_sent_away(readers, but=0)

    assert all(reader.at_eof() for reader in readers)


async def test_f72_who_is_being_served_keeps_the_connection_when_others_crowd_in(world: World) -> None:
    port = free_port()
    pages = serving(make_web_app(world.parts), host="127.0.0.1", port=port, connections=MOST)
    body = webhook(event(1, ANNA, "こんにちは"))
    digest = hmac.new(SANDBOX_SECRET.encode(), body, hashlib.sha256).digest()
    head = (
        f"POST /hooks/line HTTP/1.1\r\nHost: {urlsplit(world.settings.public_base_url).netloc}\r\n"
        f"x-line-signature: {base64.b64encode(digest).decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async with pages:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body[:10])
        await writer.drain()
        async with connected(port, count=100, says=b"") as others:
            await until_sent_away(others, but=MOST)
            writer.write(body[10:])
            answer = await asyncio.wait_for(reader.readline(), timeout=60)
        writer.close()
        await writer.wait_closed()

    assert b" 200 " in answer
