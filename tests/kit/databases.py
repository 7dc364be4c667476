"""A real PostgreSQL for the tests: one server a test process, a template migrated once, a clone for each test."""

import asyncio
import functools
import itertools
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from backend.store.embedded import EmbeddedPostgres
from backend.store.engine import as_asyncpg, make_engine
from backend.store.migrate import upgrade
from tests.kit.memory_folder import in_memory

# A test says a statement a few times only: a plan for each time costs more than it saves.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200",
         "max_wal_size": "256MB", "plan_cache_mode": "force_generic_plan"}  # fmt: skip
_SERIAL = itertools.count(1)


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """TEST_DATABASE_URL names a server to use; otherwise an embedded one lives in `folder`. Yields its address."""
    named = os.environ.get("TEST_DATABASE_URL")  # noqa: TID251 - the tests' own switch
    if named:
        with _at_a_desk(as_asyncpg(named)) as url:
            yield url
        return
    with in_memory(otherwise=folder) as place:
        server = EmbeddedPostgres(data_dir=place, settings=_FAST)
        try:
            with _at_a_desk(server.start()) as url:
                yield url
        finally:
            server.stop()


class _Desk:
    """The one connection that makes and drops databases, in a loop of its own: each test has another loop."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._engine = create_async_engine(url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=0)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def run(self, statement: str) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._run(statement), self._loop))

    async def _run(self, statement: str) -> None:
        async with self._engine.connect() as connection:
            await connection.execute(text(statement))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._engine.dispose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


_desk_of = functools.cache(_Desk)


@contextmanager
def _at_a_desk(url: str) -> Iterator[str]:
    try:
        yield url
    finally:
        _desk_of(url).close()
        _desk_of.cache_clear()


def on_database(url: str, name: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def run_on_server(url: str, statement: str) -> None:
    """One statement that must run outside a transaction (CREATE DATABASE)."""
    await _desk_of(url).run(statement)


async def make_template(url: str) -> str:
    """Create and migrate the template that every test clones; returns its name."""
    name = f"template_{os.getpid()}"
    engine = make_engine(await create_database(url, name), pool_size=1)
    await upgrade(engine)
    await engine.dispose()
    return name


async def create_database(url: str, name: str, *, template: str = "template1") -> str:
    """A database of this name, new however an earlier run has ended; returns its address."""
    await run_on_server(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await run_on_server(url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # half the time
    return on_database(url, name)


@asynccontextmanager
async def cloned_database(url: str, template: str) -> AsyncIterator[str]:
    """A fresh database for one test, dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_SERIAL)}"
    try:
        yield await create_database(url, name, template=template)
    finally:
        await run_on_server(url, f"DROP DATABASE {name} WITH (FORCE)")
