"""Looks at a pooled connection before it is used, so that a crash of the database heals by itself (f10).

A question to the server before every transaction (`pool_pre_ping`) would cost three ways there and back for the three
or four of the work itself. So only a connection that has rested is asked; of one used a moment ago the system tells
without asking whether the server has hung up.
"""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

_A_MOMENT = 1.0  # seconds
_RESTS_SINCE = "rests_since"


def check_before_use(engine: AsyncEngine) -> None:
    """Have every connection of this engine looked at when it leaves the pool; a dead one empties the whole pool."""
    dialect = engine.sync_engine.dialect

    def returned(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    def leaves(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: Any) -> None:
        driver: Any = record.driver_connection
        if driver.is_closed():
            raise InvalidatePoolError("the server has hung up")
        if time.monotonic() - record.info.get(_RESTS_SINCE, time.monotonic()) < _A_MOMENT:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as problem:
            if not dialect.is_disconnect(problem, connection, None):
                raise
            raise InvalidatePoolError("the server has gone while nobody asked") from problem

    event.listen(engine.sync_engine, "checkin", returned)
    event.listen(engine.sync_engine, "checkout", leaves)
