"""What money needs, wired: the database, the clock and the gateway. Messages are wired on top, in `compose.py`.

Most commands of people need no more than this, and start without the SDKs of the channels.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from app.clock import ShiftableClock, SystemClock
from app.settings import ClockKind, Environment, GatewayName, Settings
from backend.gateways.sandbox import open_sandbox_gateway
from backend.gateways.sandbox_elsewhen import open_elsewhen_gateway
from backend.ports import Clock, PaymentGateway
from backend.store import beginning
from backend.store.embedded import embedded_postgres
from backend.store.engine import make_engine, refuse_unsafe_commits, transaction
from backend.usecases.services import Services


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """DATABASE_URL, or an embedded PostgreSQL under the data folder for as long as the block lasts."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    async with embedded_postgres(data_dir=settings.data_dir) as url:
        yield url


@asynccontextmanager
async def open_services(settings: Settings, *, url: str) -> AsyncIterator[Services]:
    """The services on this database; closed in reverse order at the end."""
    async with AsyncExitStack() as stack:
        engine = make_engine(url)
        stack.push_async_callback(engine.dispose)
        if settings.environment is Environment.PRODUCTION:
            await refuse_unsafe_commits(engine)
        clock = ShiftableClock(engine) if settings.clock is ClockKind.SHIFTABLE else SystemClock()
        await clock.refresh()
        yield Services(
            engine=engine,
            clock=clock,
            gateway=await stack.enter_async_context(_gateway(settings, clock, engine)),
            calendar=settings.calendar,
            link_secret=settings.link_secret.get_secret_value().encode(),
            public_base_url=settings.public_base_url,
        )


def _gateway(settings: Settings, clock: Clock, engine: AsyncEngine) -> AbstractAsyncContextManager[PaymentGateway]:
    """One line a gateway; GatewayName makes sure that the name is known."""
    openings: Mapping[
        GatewayName, Callable[[Settings, Clock, AsyncEngine], AbstractAsyncContextManager[PaymentGateway]]
    ] = {
        GatewayName.SANDBOX: _sandbox,
    }
    return openings[settings.gateway](settings, clock, engine)


def _sandbox(settings: Settings, clock: Clock, engine: AsyncEngine) -> AbstractAsyncContextManager[PaymentGateway]:
    base, key = settings.sandbox_gateway_base, settings.sandbox_gateway_key.get_secret_value()
    secret = settings.sandbox_gateway_webhook_secret.get_secret_value()
    if settings.clock is ClockKind.SHIFTABLE:
        age = partial(_ledger_age, engine)
        return open_elsewhen_gateway(base=base, key=key, webhook_secret=secret, clock=clock, ledger_age=age)
    return open_sandbox_gateway(base=base, key=key, webhook_secret=secret)


async def _ledger_age(engine: AsyncEngine) -> timedelta | None:
    async with transaction(engine) as connection:
        return await beginning.read_age(connection)
