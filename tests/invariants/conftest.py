"""A small sound ledger, and hands that write past all guards."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.usecases.open_payment_requests import open_payment_requests
from tests.invariants.plants import CONSTRAINTS, INDEXES, PLANTS
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of

Plant = Callable[[AsyncConnection, str], Awaitable[None]]


@pytest.fixture
async def month(ledger: Ledger, clock: FakeClock) -> None:
    """Account 1 has paid by a URL, account 2 waits for its automatic charge, account 3 has a URL."""
    for serial in (1, 2, 3):
        account = await ledger.account(serial)
        if serial == 2:
            await registered_card(ledger, account)
        await ledger.bill(account, "2026-11", 8432)
        await open_payment_requests(ledger.services, now=clock.now())
        if serial == 1:
            await press(ledger, await session_of(ledger, await payer_with_card(ledger)))


@pytest.fixture
async def plant(ledger: Ledger, clock: FakeClock) -> Plant:
    """Breaks one invariant, by its name, in the caller's transaction; indexes are gone for good."""
    for index in INDEXES:
        await ledger.change(f"DROP INDEX {index}")
    for table, constraint in CONSTRAINTS:
        await ledger.change(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")

    async def write(connection: AsyncConnection, name: str) -> None:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        statement = text(PLANTS[name])
        values = {"now": clock.now()} if ":now" in PLANTS[name] else {}
        assert (await connection.execute(statement, values)).rowcount, f"{name} plants nothing"

    return write
