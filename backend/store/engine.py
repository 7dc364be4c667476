"""The connection to PostgreSQL: one engine a process, one transaction a step."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, make_url, text
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backend.store.acting import ActingConnection
from backend.store.connection_check import check_before_use
from backend.store.database_trouble import DatabaseUnreachableError, UnsafeCommitsError

_OVERFLOW = 5
_STATEMENTS = 500  # more than we have: whoever forgets one prepares it again, which is a second way to the server
_OUT_OF_ORDER = {"08", "53", "57", "58"}  # classes of SQLSTATE: connection, resources, operator's doing, system
_LIBPQ_ONLY = {"sslmode", "channel_binding"}
_DROP_DEMO = text("DROP DATABASE IF EXISTS tsukibarai")
_CREATE_DEMO = text("CREATE DATABASE tsukibarai")


def make_engine(url: str, *, pool_size: int = 20) -> AsyncEngine:
    """Build the engine. More than `pool_size` connections are opened in need and closed after use, which is dear.

    Connections are checked before use, so that a database crash heals by itself (f10).
    """
    engine = create_async_engine(
        as_asyncpg(url),
        pool_size=pool_size,
        max_overflow=_OVERFLOW,
        pool_use_lifo=True,  # the connection that knows our statements already
        hide_parameters=True,  # phones and names must not reach a traceback
        connect_args={
            "timeout": 10,
            "command_timeout": 600,
            "server_settings": {"timezone": "Asia/Tokyo"},
            "connection_class": ActingConnection,
            "prepared_statement_cache_size": _STATEMENTS,
        },
    )
    event.listen(engine.sync_engine, "do_connect", _connect)
    check_before_use(engine)
    return engine


def _connect(dialect: Dialect, _record: object, cargs: tuple[Any, ...], cparams: dict[str, Any]) -> object:
    """Connect as ever, but say where the database was looked for: the system's own words leave that out."""
    try:
        return dialect.connect(*cargs, **cparams)
    except OSError as problem:
        place = f"{cparams.get('host', 'this machine')}:{cparams.get('port', 5432)}"
        raise DatabaseUnreachableError(
            f"No database answers at {place}: start it, or correct DATABASE_URL."
        ) from problem


def as_asyncpg(url: str) -> str:
    """Accept what hosts hand out: schemes that SQLAlchemy 2.1 would take for psycopg, and options in words of libpq."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = "postgresql+asyncpg://" + url.removeprefix(prefix)
    address = make_url(url)
    if not _LIBPQ_ONLY.intersection(address.query):
        return url
    # asyncpg knows the same modes by another name, and binds no channel.
    modes = {"ssl": address.query["sslmode"]} if "sslmode" in address.query else {}
    ours = address.difference_update_query(_LIBPQ_ONLY).update_query_dict(modes)
    return ours.render_as_string(hide_password=False)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One step's transaction: commits at the end, rolls back on any exception."""
    async with engine.begin() as connection:
        yield connection


def is_out_of_order(problem: BaseException) -> bool:
    """Whether the database itself is in trouble (away, full, shutting down): the same step may succeed later (f13)."""
    if isinstance(problem, DBAPIError) and problem.connection_invalidated:
        return True
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    if str(getattr(cause, "sqlstate", None) or "")[:2] in _OUT_OF_ORDER:
        return True
    return isinstance(cause, ConnectionError | PoolTimeoutError)


async def refuse_unsafe_commits(engine: AsyncEngine) -> None:
    """Refuse a database whose commits may be lost: money would be taken without a memory of it (f14).

    Raises:
        UnsafeCommitsError: `synchronous_commit` or `fsync` is off.
    """
    async with transaction(engine) as connection:
        for setting in ("synchronous_commit", "fsync"):
            value = (await connection.execute(text("SELECT current_setting(:name)"), {"name": setting})).scalar_one()
            if value == "off":
                raise UnsafeCommitsError(f"{setting} is off: production needs it on")


async def recreate_database(url: str) -> None:
    """Empty the embedded development database by dropping and creating it.

    Raises:
        DBAPIError: others are connected to it; nothing is dropped under them.
    """
    address = make_url(as_asyncpg(url))
    admin = create_async_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        async with admin.connect() as connection:
            await connection.execute(_DROP_DEMO)
            await connection.execute(_CREATE_DEMO)
    finally:
        await admin.dispose()
