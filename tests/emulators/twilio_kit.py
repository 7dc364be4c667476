"""A Twilio emulator and a service that hears it, for the tests of this folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestClient, TestServer

from emulators.twilio.app import TwilioConfig, create_app
from tests.kit.records import record_path

SID = "AC" + "a" * 32
TOKEN = "auth-token"
SENDER = "+12025550100"
PHONE = "+819012345678"
OTHER_PHONE = "+818011112222"
LIST = f"/2010-04-01/Accounts/{SID}/Messages.json"


@dataclass
class Service:
    """Hears callbacks and inbound messages; answers as told."""

    heard: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    answer: tuple[str, str] = ("text/xml", "<Response/>")

    async def hear(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        self.heard.append((request.path_qs, dict(request.headers), form))
        content_type, text = self.answer
        return web.Response(text=text, content_type=content_type)

    @property
    def statuses(self) -> list[str]:
        return [form["MessageStatus"] for _, _, form in self.heard if "MessageStatus" in form]


@dataclass
class Twilio:
    client: TestClient[web.Request, web.Application]
    service: Service
    origin: str

    async def control(self, path: str, data: Any = None) -> Any:
        async with self.client.post(f"/_control/{path}", json=data) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def look(self, path: str) -> Any:
        async with self.client.get(f"/_control/{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def send(self, **form: str) -> tuple[int, Any]:
        message = {"To": PHONE, "From": SENDER, "Body": "お支払いのご案内", **form}
        given = {name: value for name, value in message.items() if value}
        async with self.client.post(LIST, data=given, auth=BasicAuth(SID, TOKEN)) as response:
            return response.status, await response.json()

    async def call(self, path: str, *, method: str = "GET", **form: str) -> tuple[int, Any]:
        auth = BasicAuth(SID, TOKEN)
        data = form or None
        async with self.client.request(method, path, auth=auth, data=data) as response:
            return response.status, (await response.json() if response.status != 204 else None)

    async def one(self, sid: str) -> Any:
        return (await self.call(LIST.replace(".json", f"/{sid}.json")))[1]

    async def idle(self) -> None:
        await self.look("idle")


@asynccontextmanager
async def running_twilio(**overrides: Any) -> AsyncIterator[Twilio]:
    """Start a service and the emulator that calls it."""
    service = Service()
    app = web.Application()
    app.router.add_post("/hooks/{tail:.*}", service.hear)
    async with TestServer(app) as server:
        origin = str(server.make_url("")).rstrip("/")
        settings: dict[str, Any] = {
            "account_sid": SID,
            "auth_token": TOKEN,
            "inbound_url": f"{origin}/hooks/sms",
            "record_to": record_path("twilio"),
            "public_base": "http://127.0.0.1:8093",
            "from_number": SENDER,
            "status_seconds": 0.0,
        }
        config = TwilioConfig(**(settings | overrides))
        async with TestClient(TestServer(create_app(config=config))) as client:
            yield Twilio(client, service, origin)
