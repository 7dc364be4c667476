"""Whether this process may be sent visitors: the database answers and has seen every migration of this code."""

from datetime import datetime
from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.store.migrate import alembic_config

_TIME = text("SELECT clock_timestamp()")
_VERSION = text("SELECT version_num FROM alembic_version")


@cache
def older_migrations() -> frozenset[str]:
    """The schemas that this code is too new for. Reads the scripts once."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return frozenset(each.revision for each in scripts.walk_revisions()) - {scripts.get_current_head()}


async def database_time(connection: AsyncConnection) -> datetime:
    """What the database's clock says; leases end by it."""
    found: datetime = (await connection.execute(_TIME)).scalar_one()
    return found


async def is_ready(engine: AsyncEngine, *, too_old: frozenset[str]) -> bool:
    """Whether the database answers and its schema is there and none of those `too_old`.

    A newer one than this code knows will do: migrations only add, and web processes of two versions overlap (f69).
    """
    try:
        async with engine.connect() as connection:
            version = (await connection.execute(_VERSION)).scalar_one_or_none()
            return version is not None and version not in too_old
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
