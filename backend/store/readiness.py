"""Whether this process may be sent visitors: the database answers and has seen every migration."""

from datetime import datetime

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.store.migrate import alembic_config

_TIME = text("SELECT clock_timestamp()")
_VERSION = text("SELECT version_num FROM alembic_version")


def newest_migration() -> str | None:
    """The schema that this code was written for; reads the scripts, so ask once at the start."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def database_time(connection: AsyncConnection) -> datetime:
    """What the database's clock says; leases end by it."""
    found: datetime = (await connection.execute(_TIME)).scalar_one()
    return found


async def is_ready(engine: AsyncEngine, *, wanted: str | None) -> bool:
    """Whether the database answers and has the `wanted` schema; a database without any schema is not ready."""
    try:
        async with engine.connect() as connection:
            return (await connection.execute(_VERSION)).scalar_one_or_none() == wanted
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
