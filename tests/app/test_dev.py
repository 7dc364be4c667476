"""What a demo begins with: its own data, or what a named database already has."""

import aiohttp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.dev import running_demo
from app.settings import Settings
from backend.store import line_accounts
from backend.store.engine import transaction
from tests.kit.ledger import Ledger
from tests.kit.servers import free_port
from tests.kit.world import settings_for
from tests.usecases.importing.bill_files import query

LINE_USER = "U" + "7" * 32
STATE = (
    "SELECT customer_number FROM account",
    "SELECT bill_number, state FROM bill",
    "SELECT account_id, line_user_id FROM line_link WHERE unlinked_at IS NULL",
    "SELECT * FROM clock_shift",
    "SELECT * FROM inbox_event",
)


@pytest.fixture
def settings(database_url: str) -> Settings:
    ports = {name: free_port() for name in ("web", "gateway", "line", "twilio", "phone")}
    values = settings_for(**ports).model_dump() | {f"{name}_port": port for name, port in ports.items()}
    return Settings(**values | {"database_url": database_url})


async def people_on_the_page(address: str) -> list[tuple[str, bool]]:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/api/setup") as answer:
        return [(each["customer_number"], each["is_linked"]) for each in (await answer.json())["customers"]]


async def test_a_named_database_with_customers_is_started_as_it_is(
    settings: Settings, engine: AsyncEngine, ledger: Ledger
) -> None:
    linked, _other = await ledger.account(1), await ledger.account(2)
    async with transaction(engine) as connection:
        now = ledger.services.clock.now()
        await line_accounts.link(connection, account_id=linked, line_user_id=LINE_USER, now=now)
    before = [await query(engine, each) for each in STATE]

    async with running_demo(settings) as (_, addresses):
        after = [await query(engine, each) for each in STATE]
        shown = await people_on_the_page(addresses.phone)

    assert not addresses.is_fresh
    assert after == before
    assert shown == [("0000000001", True), ("0000000002", False)]


async def test_an_empty_named_database_gets_the_demo(settings: Settings, engine: AsyncEngine) -> None:
    async with running_demo(settings) as (_, addresses):
        shown = await people_on_the_page(addresses.phone)

    assert addresses.is_fresh
    assert [is_linked for _, is_linked in shown] == [True] * 6 + [False] * 6
    assert await query(engine, "SELECT count(*) FROM line_link") == [(6,)]
