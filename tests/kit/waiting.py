"""Waits until somebody waits: tests of what happens while a lock is held need no sleeping."""

import asyncio

from tests.kit.ledger import Ledger

_WAITING = """SELECT pid FROM pg_locks
WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"""


async def until_somebody_waits(ledger: Ledger) -> None:
    """Return once a transaction of this test's database waits for a lock.

    Raises:
        TimeoutError: nobody does.
    """
    async with asyncio.timeout(120):
        while not await ledger.rows(_WAITING):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0)
