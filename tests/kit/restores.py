"""Yesterday's backup of a test's database: a real copy, on which the product can be started again."""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.kit.databases import on_database, run_on_server

_SERIAL = itertools.count(1)


@asynccontextmanager
async def backup_of(engine: AsyncEngine, *, server: str) -> AsyncIterator[str]:
    """Copy the database as it is now; yields the copy's address. The original lives on."""
    name = f"backup_{os.getpid()}_{next(_SERIAL)}"
    await engine.dispose()  # PostgreSQL copies a database only while nobody uses it; the pool connects anew by itself
    original = make_url(engine.url).database
    await run_on_server(server, f"CREATE DATABASE {name} TEMPLATE {original}")
    try:
        yield on_database(server, name)
    finally:
        await run_on_server(server, f"DROP DATABASE {name} WITH (FORCE)")
