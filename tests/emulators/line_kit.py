"""A LINE emulator and a bot that hears it, for the tests of this folder."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from emulators.line.app import LineConfig, create_app
from tests.kit.records import record_path

SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
TOKEN = "test-token"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
USER = "U" + "1" * 32
OTHER = "U" + "2" * 32
KEY = "123e4567-e89b-12d3-a456-426614174000"
PUSH = "/v2/bot/message/push"


@dataclass
class Bot:
    """Hears webhooks; answers 200, or the next of `answers`."""

    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, body in self.heard for event in json.loads(body)["events"]]


@dataclass
class Line:
    client: TestClient[web.Request, web.Application]
    bot: Bot

    async def control(self, path: str, data: Any = None) -> Any:
        async with self.client.post(f"/_control/{path}", json=data) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def look(self, path: str) -> Any:
        async with self.client.get(f"/_control/{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def call(self, path: str, body: Any = None, *, method: str = "POST", **headers: str) -> tuple[int, Any]:
        async with self.client.request(method, path, json=body, headers={**AUTH, **headers}) as response:
            return response.status, await response.json()

    async def push(self, *messages: Any, to: str = USER, key: str | None = None) -> tuple[int, Any]:
        headers = {} if key is None else {"X-Line-Retry-Key": key}
        return await self.call(PUSH, {"to": to, "messages": list(messages)}, **headers)

    async def refusal(self, *messages: Any) -> str:
        """Push messages that must be refused and say what the platform points at."""
        status, body = await self.push(*messages)
        assert status == 400, body
        return str(body["details"][0]["property"])

    async def events(self) -> list[dict[str, Any]]:
        await self.look("idle")
        return self.bot.events


@asynccontextmanager
async def running_line(**overrides: Any) -> AsyncIterator[Line]:
    """Start a bot and the emulator that calls it, with two friends who make no noise."""
    bot = Bot()
    app = web.Application()
    app.router.add_post("/hooks/line", bot.hear)
    async with TestServer(app) as server:
        settings: dict[str, Any] = {
            "channel_secret": SECRET,
            "channel_access_token": TOKEN,
            "webhook_url": str(server.make_url("/hooks/line")),
            "record_to": record_path("line"),
            "public_base": "http://127.0.0.1:8092",
            "bot_name": "月払い電気",
            "redelivery_seconds": 0.01,
        }
        config = LineConfig(**(settings | overrides))
        async with TestClient(TestServer(create_app(config=config))) as client:
            line = Line(client, bot)
            await line.control("users/bulk", {"userIds": [USER, OTHER]})
            yield line


def text(words: str = "こんにちは") -> dict[str, Any]:
    return {"type": "text", "text": words}


def flex(*contents: Any, **bubble: Any) -> dict[str, Any]:
    body = {"type": "box", "layout": "vertical", "contents": list(contents)}
    return {
        "type": "flex",
        "altText": "11月分のお知らせ",
        "contents": {"type": "bubble", "body": body, **bubble},
    }


async def first_stream_entry(response: aiohttp.ClientResponse) -> Any:
    async with asyncio.timeout(30):
        async for line in response.content:
            if line.startswith(b"data: "):
                return json.loads(line[6:])
    return None
