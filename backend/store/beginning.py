"""SQL for when this ledger began: with its first account, before which no money at the gateway can be its own."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_BEGAN_AT = text("SELECT created_at FROM account ORDER BY id LIMIT 1")
_AGE = text("SELECT clock_timestamp() - witnessed_at FROM account ORDER BY id LIMIT 1")


async def read_began_at(connection: AsyncConnection) -> datetime | None:
    """When the first account was imported, by the product's clock; None while there is none."""
    found: datetime | None = (await connection.execute(_BEGAN_AT)).scalar_one_or_none()
    return found


async def read_age(connection: AsyncConnection) -> timedelta | None:
    """How long ago that was by the database's clock, which never travels; None when nobody knows."""
    found: timedelta | None = (await connection.execute(_AGE)).scalar_one_or_none()
    return found
