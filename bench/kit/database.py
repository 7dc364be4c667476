"""A database of a bench's own: on the server named, or on an embedded one with its usual, safe settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from backend.store.embedded import EmbeddedPostgres
from backend.store.engine import as_asyncpg, make_engine
from backend.store.migrate import upgrade
from bench.kit.processes import Child


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`process` is the server when it is ours: its CPU time can be told."""

    url: str
    process: Child | None


@asynccontextmanager
async def bench_database(address: str | None, *, folder: Path, name: str) -> AsyncIterator[Database]:
    """Create a database with our schema, and drop it afterwards."""
    server = None
    if address is None:
        server = EmbeddedPostgres(data_dir=folder)
        address = server.start()
    url = as_asyncpg(address)
    administrator = await asyncpg.connect(plain(url))
    try:
        await administrator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await administrator.execute(f"CREATE DATABASE {name}")
        process = _postmaster(folder) if server else None
        ours = make_url(url).set(database=name).render_as_string(hide_password=False)
        await _migrate(ours)
        yield Database(url=ours, process=process)
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administrator.close()
        if server is not None:
            server.stop()


def plain(url: str) -> str:
    """The address as asyncpg takes it."""
    return url.replace("+asyncpg", "", 1)


async def _migrate(url: str) -> None:
    engine = make_engine(url, pool_size=1)
    await upgrade(engine)
    await engine.dispose()


def _postmaster(folder: Path) -> Child:
    pid = (folder / "pg" / "postmaster.pid").read_text().split()[0]
    return Child(name="PostgreSQL", pid=int(pid))
