"""A whole product with its outsiders on loopback, and the hands to live months of life with it through public doors."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy import text

from app.clock import ShiftableClock
from app.compose import Parts, open_parts
from app.settings import SANDBOX_SECRET, ClockKind, Settings
from app.tick import tick
from app.web import make_web_app
from backend.usecases.import_bills import import_bills
from backend.usecases.open_payment_requests import open_payment_requests
from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from emulators.line.app import LineConfig
from emulators.line.app import create_app as create_line
from emulators.twilio.app import TwilioConfig
from emulators.twilio.app import create_app as create_twilio
from scheduler.worker import drain
from tests.kit.bill_files import BillLine, write_bill_file
from tests.kit.clock import jst
from tests.kit.records import record_path
from tests.kit.servers import free_port, serving
from tests.kit.simple_browser import SimpleBrowser
from tests.kit.tcp_tee import tee

URL = re.compile(r"https?://[^\s\"]+/p/[A-Za-z0-9_-]{22}")


@dataclass(kw_only=True)
class World:
    """One running product. Days are named in Asia/Tokyo."""

    parts: Parts
    settings: Settings
    http: aiohttp.ClientSession
    folder: Path
    files: int = field(default=0)
    browsers: list[SimpleBrowser] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)  # every byte that reached our web process

    async def go_to(self, at: str) -> datetime:
        """Travel everywhere, then do everything that is due."""
        moment = await self.travel(at)
        await tick(self.parts)
        return moment

    async def travel(self, at: str) -> datetime:
        """Move everybody's clock."""
        moment = jst(at)
        await self.set_clock(moment)
        for base in (self.settings.sandbox_gateway_base, self.settings.line_api_base, self.settings.twilio_api_base):
            await self.control(base, "clock", {"now": moment.isoformat()})
        return moment

    async def set_clock(self, to: datetime) -> None:
        """Move the product's clock alone, without the refusals of a traveller."""
        await ShiftableClock(self.parts.services.engine).go_to(to)
        await self.parts.services.clock.refresh()

    async def rest(self) -> None:
        """Let every webhook and receipt arrive and be worked on, until nothing moves any more."""
        for _ in range(3):
            for base in (self.settings.line_api_base, self.settings.twilio_api_base):
                await self.truth(base, "idle?timeout=10")
            await self.control(self.settings.sandbox_gateway_base, "webhooks/flush", {})
            if not await drain(self.parts.due_steps(), clock=self.parts.services.clock):
                return

    async def control(self, base: str, what: str, body: dict[str, Any]) -> Any:
        async with self.http.post(f"{base}/_control/{what}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None

    async def truth(self, base: str, what: str = "truth") -> Any:
        async with self.http.get(f"{base}/_control/{what}") as answer:
            return await answer.json()

    async def longest_sms(self) -> int:
        """The most segments that any SMS of ours had."""
        truth = await self.truth(self.settings.twilio_api_base, "truth?bodies=0")
        return max((sms["segments"] for sms in truth["messages"] if sms["direction"] != "inbound"), default=0)

    async def charges(self) -> list[dict[str, Any]]:
        """What the gateway really took or refused, oldest first."""
        truth = await self.truth(self.settings.sandbox_gateway_base)
        return sorted(truth["charges"], key=lambda charge: charge["created"])

    async def succeeded(self) -> list[int]:
        return [charge["amount"] for charge in await self.charges() if charge["status"] == "succeeded"]

    def browser(self) -> SimpleBrowser:
        """A fresh device, closed with the world."""
        self.browsers.append(SimpleBrowser.new())
        return self.browsers[-1]

    async def rows(self, query: str, **values: object) -> list[Any]:
        async with self.parts.services.engine.begin() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def import_bills(self, *lines: BillLine) -> None:
        """Import through the same use case as the operator's command."""
        self.files += 1
        file = write_bill_file(self.folder / f"bills-{self.files}.csv", lines)
        services = self.parts.services
        report = await import_bills(services.engine, source=file, now=services.clock.now(), amend=False, dry_run=False)
        assert report.is_accepted, report.refusals
        await open_payment_requests(services, now=services.clock.now())


BEGINNING = "2026-11-01T12:00"


async def live_until_the_beginning(*, database_url: str, folder: Path) -> None:
    """Do in this database what every world has behind it when its story begins."""
    async with running_world(database_url=database_url, folder=folder) as world:
        await world.go_to(BEGINNING)


def settings_for(**ports: int) -> Settings:
    """Settings of a world on these ports."""
    bases = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    return Settings(
        clock=ClockKind.SHIFTABLE,
        public_base_url=bases["web"],
        sandbox_gateway_base=bases["gateway"],
        line_api_base=bases["line"],
        twilio_api_base=bases["twilio"],
        web_port=ports["web"],
        line_pushes_per_second=2000,
        sms_per_second=100,
    )


@asynccontextmanager
async def running_world(*, database_url: str, folder: Path) -> AsyncIterator[World]:
    """Start everything on free ports; nothing has been done yet, and everybody's clock is the real one."""
    settings = settings_for(**{name: free_port() for name in ("web", "gateway", "line", "twilio")})
    async with AsyncExitStack() as stack:
        for app, base in _emulators(settings):
            await stack.enter_async_context(serving(app, int(base.rsplit(":", 1)[1])))
        parts = await stack.enter_async_context(open_parts(settings, url=database_url))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        world = World(parts=parts, settings=settings, http=http, folder=folder)
        inner_port = free_port()
        await stack.enter_async_context(serving(make_web_app(parts), inner_port))
        await stack.enter_async_context(tee(port=settings.web_port, target=inner_port, sent=world.received))
        yield world
        for browser in world.browsers:
            await browser.close()


def _emulators(settings: Settings) -> list[tuple[web.Application, str]]:
    secret = SANDBOX_SECRET
    gateway = GatewayConfig(
        secret_key=secret,
        webhook_secret=secret,
        webhook_url=f"{settings.public_base_url}/hooks/gateway/sandbox",
        public_base=settings.sandbox_gateway_base,
    )
    line = LineConfig(
        channel_secret=secret,
        channel_access_token=secret,
        webhook_url=f"{settings.public_base_url}/hooks/line",
        public_base=settings.line_api_base,
        bot_name="bot",
        record_to=record_path("line"),
    )
    twilio = TwilioConfig(
        account_sid=settings.twilio_account_sid,
        auth_token=secret,
        inbound_url=f"{settings.public_base_url}/hooks/twilio/sms",
        public_base=settings.twilio_api_base,
        from_number=settings.twilio_from,
        status_seconds=0.01,
        record_to=record_path("twilio"),
    )
    return [
        (create_gateway(config=gateway), settings.sandbox_gateway_base),
        (create_line(config=line), settings.line_api_base),
        (create_twilio(config=twilio), settings.twilio_api_base),
    ]
