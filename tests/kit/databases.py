"""A real PostgreSQL for the tests: one server a test process, a template migrated once, a clone for each test."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from backend.store.embedded import EmbeddedPostgres
from backend.store.engine import as_asyncpg, make_engine
from backend.store.migrate import upgrade
from tests.kit.memory_folder import in_memory

_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200",
         "max_wal_size": "256MB"}  # fmt: skip
_SERIAL = itertools.count(1)


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """TEST_DATABASE_URL names a server to use; otherwise an embedded one lives in `folder`. Yields its address."""
    named = os.environ.get("TEST_DATABASE_URL")  # noqa: TID251 - the tests' own switch
    if named:
        yield as_asyncpg(named)
        return
    with in_memory(otherwise=folder) as place:
        server = EmbeddedPostgres(data_dir=place, settings=_FAST)
        try:
            yield server.start()
        finally:
            server.stop()


def on_database(url: str, name: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def run_on_server(url: str, statement: str) -> None:
    """One statement that must run outside a transaction (CREATE DATABASE)."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def make_template(url: str) -> str:
    """Create and migrate the template that every test clones; returns its name."""
    name = f"template_{os.getpid()}"
    await run_on_server(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await run_on_server(url, f"CREATE DATABASE {name}")
    engine = make_engine(on_database(url, name), pool_size=1)
    await upgrade(engine)
    await engine.dispose()
    return name


@asynccontextmanager
async def cloned_database(url: str, template: str) -> AsyncIterator[str]:
    """A fresh database for one test, dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_SERIAL)}"
    await run_on_server(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield on_database(url, name)
    finally:
        await run_on_server(url, f"DROP DATABASE {name} WITH (FORCE)")
