"""The phone page between real emulators, a bot that only listens, and a product that is nothing but a clock."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from emulators.line.app import LineConfig
from emulators.line.app import create_app as create_line
from emulators.phone.app import DemoCustomer, PhoneConfig, create_app
from emulators.phone.stops import JAPAN
from emulators.twilio.app import TwilioConfig
from emulators.twilio.app import create_app as create_twilio
from tests.kit.servers import free_port, serving

ACCOUNT = "AC" + "0" * 32
SENDER = "+815000000000"
MORNING = datetime(2026, 10, 5, 9, 0, tzinfo=JAPAN)
LINKED = DemoCustomer(
    name="山田 太郎", customer_number="1001345607", phone="+819010001111", line_user_id="U" + "1" * 32, is_linked=True
)
ON_SMS = DemoCustomer(
    name="鈴木 一郎", customer_number="1003345621", phone="+819010003333", line_user_id=None, is_linked=False
)


@dataclass
class Product:
    """A clock that the page may move; `gate` holds a journey up."""

    now: datetime = MORNING
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    journeys: list[datetime] = field(default_factory=list)
    runs: int = 0

    async def tell(self) -> datetime:
        return self.now

    async def travel(self, to: datetime) -> None:
        await self.gate.wait()
        self.journeys.append(to)
        self.now = to

    async def run_due(self) -> None:
        self.runs += 1


@dataclass
class Bot:
    """Hears webhooks and serves one page behind every link."""

    events: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/hooks/line", self._hear_line)
        app.router.add_post("/hooks/sms", self._hear_sms)
        app.router.add_get("/p/{token}", self._show)
        return app

    async def _hear_line(self, request: web.Request) -> web.Response:
        self.events += json.loads(await request.read())["events"]
        return web.Response()

    async def _hear_sms(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(text="<Response/>", content_type="text/xml")

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(text="<title>お支払い</title>", content_type="text/html")


@dataclass
class Rig:
    """Everything that runs, and the session of a tester."""

    page: str
    line: str
    twilio: str
    gateway: str
    web: str
    product: Product
    bot: Bot
    config: PhoneConfig
    session: aiohttp.ClientSession

    async def push(self, *messages: Any, to: str | None = LINKED.line_user_id, base: str = "") -> None:
        headers = {"Authorization": "Bearer token"}
        body = {"to": to, "messages": list(messages)}
        async with self.session.post(
            f"{base or self.line}/v2/bot/message/push", json=body, headers=headers
        ) as response:
            assert response.status == 200, await response.text()

    async def sms(self, body: str, *, to: str = LINKED.phone) -> None:
        basic = base64.b64encode(f"{ACCOUNT}:token".encode()).decode()
        url = f"{self.twilio}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        form = {"To": to, "From": SENDER, "Body": body}
        async with self.session.post(url, data=form, headers={"Authorization": f"Basic {basic}"}) as response:
            assert response.status == 201, await response.text()
        await self.look(f"{self.twilio}/_control/idle")

    async def charge(self, *, key: str) -> dict[str, Any]:
        """Charge a new customer's new card 12,345 yen."""
        customer = await self.pay("customers", {"reference": key}, key=f"{key}-customer")
        registration = await self.pay(
            "card_registrations",
            {
                "customer": customer["id"],
                "reference": key,
                "return_url": f"{self.web}/p/back",
                "origin": self.web,
                "expires_at": 2**33,
                "metadata": {},
            },
            key=f"{key}-registration",
        )
        form = {"number": "4242424242424242", "expiry": "12/30", "cvc": "123", "name": "TARO YAMADA"}
        async with self.session.post(registration["hosted_url"], data=form, allow_redirects=False) as response:
            assert response.status == 303
        cards = (await self.look(f"{self.gateway}/_control/truth?parts=cards"))["cards"]
        order = {"customer": customer["id"], "card": cards[-1]["id"], "amount": 12345, "currency": "jpy"}
        more = {"reference": f"TB-{key}", "transaction_id": key, "present": False, "metadata": {}}
        return await self.pay("charges", order | more, key=f"{key}-charge")

    async def pay(self, path: str, body: dict[str, object], *, key: str) -> dict[str, Any]:
        headers = {"Authorization": "Bearer key", "Idempotency-Key": key}
        async with self.session.post(f"{self.gateway}/v1/{path}", json=body, headers=headers) as response:
            return await response.json()

    async def look(self, url: str) -> Any:
        async with self.session.get(url) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def ask(self, path: str, data: Any = None) -> tuple[int, Any]:
        async with self.session.post(f"{self.page}{path}", json=data or {}) as response:
            return response.status, await response.json()

    async def heard(self, kind: str) -> dict[str, Any]:
        """The newest event of this kind that the bot heard."""
        await self.look(f"{self.line}/_control/idle")
        return [event for event in self.bot.events if event["type"] == kind][-1]

    async def clocks(self) -> list[datetime]:
        bases = (self.line, self.twilio, self.gateway)
        return [datetime.fromisoformat((await self.look(f"{base}/_control/clock"))["now"]) for base in bases]


def is_close(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(seconds=30)


@asynccontextmanager
async def running_rig() -> AsyncIterator[Rig]:
    """Start everything on free ports; journeys are short until someone closes the gate."""
    product, bot = Product(), Bot()
    product.gate.set()
    ports = [free_port() for _ in range(5)]
    line, twilio, gateway, page, shop = (f"http://127.0.0.1:{port}" for port in ports)
    config = _page(product, line=line, twilio=twilio, gateway=gateway, shop=shop)
    apps = (
        create_line(config=line_config(base=line, shop=shop)),
        create_twilio(config=_twilio(twilio, shop)),
        create_gateway(config=_gateway(gateway)),
        create_app(config=config),
        bot.app(),
    )
    async with AsyncExitStack() as stack:
        for app, port in zip(apps, ports, strict=True):
            await stack.enter_async_context(serving(app, port))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Rig(page, line, twilio, gateway, shop, product, bot, config, session)


def line_config(*, base: str, shop: str) -> LineConfig:
    return LineConfig(
        channel_secret="secret",
        channel_access_token="token",
        webhook_url=f"{shop}/hooks/line",
        public_base=base,
        bot_name="つきばらい電力",
    )


def _twilio(base: str, shop: str) -> TwilioConfig:
    return TwilioConfig(
        account_sid=ACCOUNT,
        auth_token="token",
        inbound_url=f"{shop}/hooks/sms",
        public_base=base,
        from_number=SENDER,
        status_seconds=0.01,
    )


def _gateway(base: str) -> GatewayConfig:
    return GatewayConfig(secret_key="key", webhook_secret="secret", webhook_url=None, public_base=base)


def _page(product: Product, *, line: str, twilio: str, gateway: str, shop: str) -> PhoneConfig:
    return PhoneConfig(
        customers=(LINKED, ON_SMS),
        line_base=line,
        twilio_base=twilio,
        gateway_base=gateway,
        web_base=shop,
        sms_sender=SENDER,
        travel=product.travel,
        now=product.tell,
        run_due=product.run_due,
    )
