"""`make run`: the whole product with its outsiders in one process, and demo customers with three months of bills."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from app.compose import Parts, open_parts
from app.demo_people import list_people, make_friends, meet
from app.open_services import database_url
from app.sample_bills import demo_order, write_samples
from app.settings import Settings
from app.tick import tick, travel
from app.web import make_web_app, serving
from backend.domain.billing_calendar import JST, billing_month_of
from backend.store.engine import make_engine, recreate_database
from backend.store.migrate import upgrade
from backend.usecases.import_bills import import_bills
from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from emulators.line.app import LineConfig
from emulators.line.app import create_app as create_line
from emulators.phone.app import DemoCustomer, PhoneConfig
from emulators.phone.app import create_app as create_phone
from emulators.twilio.app import TwilioConfig
from emulators.twilio.app import create_app as create_twilio
from scheduler.runner import run_scheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts of a running demo are found; `is_fresh`: it has begun with demo data."""

    web: str
    phone: str
    gateway: str
    line: str
    twilio: str
    is_fresh: bool = True


@asynccontextmanager
async def running_demo(settings: Settings) -> AsyncIterator[tuple[Parts, Addresses]]:
    """Start everything on 127.0.0.1 with fresh demo data; stop it cleanly at the end.

    The demo begins anew at every start, because the emulators keep their truth in memory. A database named by
    DATABASE_URL is never emptied: if it has customers, they, their links and its clock stay as they are.
    """
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_database(settings))
        addresses = await _start_emulators(settings, stack)
        await _migrate(url)
        parts = await stack.enter_async_context(open_parts(settings, url=url))
        known = await list_people(parts)
        if not known:
            await _load_demo(parts)
        pages = make_web_app(parts)
        await stack.enter_async_context(
            serving(pages, host=settings.web_host, port=settings.web_port, connections=settings.max_connections)
        )
        await _move_emulators(addresses, to=parts.services.clock.now())
        customers = await (meet(known, addresses.line) if known else make_friends(parts, addresses.line))
        phone = create_phone(config=_phone_config(parts, addresses, customers))
        await stack.enter_async_context(_serving_emulator(phone, host=settings.web_host, port=settings.phone_port))
        await stack.enter_async_context(_in_background(parts.work()))
        await stack.enter_async_context(
            _in_background(run_scheduler(parts.services, every_seconds=1.0, checks_clock=False))
        )
        yield parts, replace(addresses, is_fresh=not known)


@asynccontextmanager
async def _in_background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[str]:
    async with database_url(settings) as url:
        if settings.database_url is None:
            await recreate_database(url)
        yield url


async def _migrate(url: str) -> None:
    engine = make_engine(url, pool_size=1)
    await upgrade(engine)
    await engine.dispose()


async def _start_emulators(settings: Settings, stack: AsyncExitStack) -> Addresses:
    host, public = settings.web_host, settings.public_base_url
    addresses = Addresses(
        web=public,
        phone=settings.phone_address,
        gateway=settings.sandbox_gateway_base,
        line=settings.line_api_base,
        twilio=settings.twilio_api_base,
    )
    gateway = GatewayConfig(
        secret_key=settings.sandbox_gateway_key.get_secret_value(),
        webhook_secret=settings.sandbox_gateway_webhook_secret.get_secret_value(),
        webhook_url=f"{public}/hooks/gateway/sandbox",
        public_base=addresses.gateway,
        merchant_name=settings.sender_name,
    )
    line = LineConfig(
        channel_secret=settings.line_channel_secret.get_secret_value(),
        channel_access_token=settings.line_channel_access_token.get_secret_value(),
        webhook_url=f"{public}/hooks/line",
        public_base=addresses.line,
        bot_name=settings.sender_name,
    )
    twilio = TwilioConfig(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        inbound_url=f"{public}/hooks/twilio/sms",
        public_base=addresses.twilio,
        from_number=settings.twilio_from,
    )
    apps: tuple[tuple[web.Application, int], ...] = (
        (create_gateway(config=gateway), settings.gateway_port),
        (create_line(config=line), settings.line_port),
        (create_twilio(config=twilio), settings.twilio_port),
    )
    for app, port in apps:
        await stack.enter_async_context(_serving_emulator(app, host=host, port=port))
    return addresses


@asynccontextmanager
async def _serving_emulator(app: web.Application, *, host: str, port: int) -> AsyncIterator[None]:
    """Outsiders keep their own truth and need no access log."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


async def _load_demo(parts: Parts) -> None:
    """Import the demo files through the same door as an operator, on the day before the URLs go out."""
    today = parts.services.clock.now()
    start = today.replace(day=parts.services.calendar.send_from_day, hour=12, minute=0) - timedelta(days=1)
    await travel(parts, to=start)
    order = demo_order(start=billing_month_of(start))
    with tempfile.TemporaryDirectory() as folder:
        for file in write_samples(order, out=Path(folder)):
            await import_bills(parts.services.engine, source=file, now=start, amend=False, dry_run=False, progress=None)


def _phone_config(parts: Parts, addresses: Addresses, customers: tuple[DemoCustomer, ...]) -> PhoneConfig:
    async def go_to(to: datetime) -> None:
        await travel(parts, to=to.astimezone(JST))
        await tick(parts)

    async def now() -> datetime:
        return parts.services.clock.now()

    return PhoneConfig(
        customers=customers,
        line_base=addresses.line,
        twilio_base=addresses.twilio,
        gateway_base=addresses.gateway,
        web_base=addresses.web,
        sms_sender=parts.settings.twilio_from,
        travel=go_to,
        now=now,
    )


async def _move_emulators(addresses: Addresses, *, to: datetime) -> None:
    async with aiohttp.ClientSession() as session:
        for base in (addresses.gateway, addresses.line, addresses.twilio):
            body = {"now": to.isoformat()}
            async with session.post(f"{base}/_control/clock", json=body) as answer:
                answer.raise_for_status()
