"""The live stream of the page: what appears on anyone's LINE or SMS screen, without a gap after a broken line.

An event's id is `line.sms`, the last sequence number of each; a browser that comes back names it.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from emulators.phone.follower import Follower, Post, Source
from emulators.phone.keys import OUTSIDE, PEOPLE
from emulators.phone.line_chat import chat_of
from emulators.phone.outside import Outside
from emulators.phone.people import People
from emulators.phone.sms_screen import screen_of

_PING_SECONDS = 15.0
_CHANNELS = ("line", "sms")
_QUEUES: web.AppKey[set[asyncio.Queue[Post | None]]] = web.AppKey("phone_queues", set)


def add_routes(app: web.Application) -> None:
    """Mount the stream."""
    app[_QUEUES] = set()
    app.on_shutdown.append(_end_all)
    app.router.add_get("/api/stream", stream)


async def stream(request: web.Request) -> web.StreamResponse:
    """Send what came after `?after=line.sms` (or Last-Event-ID), then everything new, as it comes."""
    marks = _marks(request.headers.get("Last-Event-ID") or request.query.get("after", ""))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    queue: asyncio.Queue[Post | None] = asyncio.Queue()
    request.app[_QUEUES].add(queue)
    outside = request.app[OUTSIDE]
    followers = [
        asyncio.create_task(Follower(outside=outside, source=source, mark=mark, queue=queue).run())
        for source, mark in zip(_sources(outside, request.app[PEOPLE]), marks, strict=True)
    ]
    try:
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        await _pass_on(queue, response, marks=marks)
    except ConnectionError:
        return response  # the browser has gone; there is nobody to tell
    finally:
        request.app[_QUEUES].discard(queue)
        await _stop(followers)
    return response


def _sources(outside: Outside, people: People) -> tuple[Source, Source]:
    async def chat(user_id: str, after: int) -> Any:
        return await chat_of(outside, user_id, after=after)

    async def screen(phone: str, after: int) -> Any:
        return await screen_of(outside, phone, after=after)

    async def line_users() -> list[str]:
        await people.introduce(outside)
        return people.line_users()

    async def phones() -> list[str]:
        return people.phones()

    line = Source(
        channel="line", url=f"{outside.line}/chat/stream", owners=people.on_line, people=line_users, screen=chat
    )
    sms = Source(channel="sms", url=f"{outside.twilio}/stream", owners=people.with_phone, people=phones, screen=screen)
    return line, sms


async def _pass_on(queue: asyncio.Queue[Post | None], response: web.StreamResponse, *, marks: Sequence[int]) -> None:
    latest = dict(zip(_CHANNELS, marks, strict=True))
    while True:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                post = await queue.get()
        except TimeoutError:
            await response.write(b": ping\n\n")
            continue
        if post is None:
            return
        latest[post.channel] = post.mark
        mark = ".".join(str(latest[channel]) for channel in _CHANNELS)
        data = json.dumps({"channel": post.channel, **post.data}, ensure_ascii=False)
        await response.write(f"id: {mark}\nevent: {post.kind}\ndata: {data}\n\n".encode())


def _marks(text: str) -> tuple[int, int]:
    """Read `12.5`; anything else means from the beginning."""
    line, _, sms = text.partition(".")
    return (int(line), int(sms)) if line.isdecimal() and sms.isdecimal() else (0, 0)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _end_all(app: web.Application) -> None:
    """End all streams, so that the application can stop at once."""
    for queue in app[_QUEUES]:
        queue.put_nowait(None)
