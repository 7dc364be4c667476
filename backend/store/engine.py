"""The connection to PostgreSQL: one engine a process, one transaction a step."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


def make_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """Build the engine. Connections are checked before use, so that a database crash heals by itself (f10)."""
    return create_async_engine(
        as_asyncpg(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"timeout": 10, "command_timeout": 600, "server_settings": {"timezone": "Asia/Tokyo"}},
    )


def as_asyncpg(url: str) -> str:
    """Accept the `postgres://` forms that hosts hand out; SQLAlchemy 2.1 would take them for psycopg."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+asyncpg://" + url.removeprefix(prefix)
    return url


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One step's transaction: commits at the end, rolls back on any exception."""
    async with engine.begin() as connection:
        yield connection
