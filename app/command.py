"""What every command begins with: settings that can be used, the time, a connection. Imports the rest when needed."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.logs import configure_logs
from app.settings import ClockKind, Settings, SettingsRefusedError, load_settings
from backend.failpoints import arm, parse_failpoints
from backend.usecases.services import Services

USAGE = 2
DATABASE_TROUBLE = 3  # the database is away, closed to us, or not migrated


def settings_or_exit(**overrides: object) -> Settings:
    """The settings, with the logs configured; ends the command with a list of remedies if they cannot be used."""
    try:
        settings = load_settings(**overrides)
    except SettingsRefusedError as refusal:
        typer.echo(f"The settings cannot be used:\n{refusal}", err=True)
        raise typer.Exit(USAGE) from None
    configure_logs()
    for name, hits in parse_failpoints(settings.failpoints).items():
        arm(name, hits=hits)
    return settings


async def now_of(settings: Settings) -> datetime:
    """The time of the system that these settings name."""
    from app.clock import ShiftableClock, SystemClock  # noqa: PLC0415

    if settings.clock is ClockKind.SYSTEM:
        return SystemClock().now()
    async with open_engine(settings) as engine:
        clock = ShiftableClock(engine)
        await clock.refresh()
        return clock.now()


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """A small engine for one command."""
    from app.open_services import database_url  # noqa: PLC0415
    from backend.store.engine import make_engine  # noqa: PLC0415

    async with database_url(settings) as url:
        engine = make_engine(url, pool_size=2)
        try:
            yield engine
        finally:
            await engine.dispose()


@asynccontextmanager
async def services_for(settings: Settings) -> AsyncIterator[Services]:
    """Database, clock and gateway for one command of a person: it obeys the restore gate and never judges it."""
    from app.open_services import database_url, open_services  # noqa: PLC0415

    async with database_url(settings) as url, open_services(settings, url=url) as services:
        yield services


def services_for_command() -> AbstractAsyncContextManager[Services]:
    """The same for who has no settings in hand yet."""
    return services_for(settings_or_exit())
