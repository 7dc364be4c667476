"""SQL for the shift of the development clock."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_READ = text("SELECT shift FROM clock_shift")
_WRITE = text("""
INSERT INTO clock_shift (is_only_row, shift) VALUES (true, :shift)
ON CONFLICT (is_only_row) DO UPDATE SET shift = excluded.shift
""")


async def read(connection: AsyncConnection) -> timedelta:
    """How far the clock is shifted; zero when nobody has travelled."""
    shift: timedelta | None = (await connection.execute(_READ)).scalar_one_or_none()
    return shift or timedelta()


async def write(connection: AsyncConnection, *, shift: timedelta) -> None:
    """Set the shift for every process."""
    await connection.execute(_WRITE, {"shift": shift})
