"""A migration runs beside customers who pay: it waits for nobody long, and is done whole or not at all."""

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.store.database_trouble import remedy
from backend.store.engine import make_engine
from backend.store.migrate import alembic_config, upgrade
from backend.store.readiness import is_ready, older_migrations
from tests.kit.databases import on_database, run_on_server


async def test_f69_a_migration_that_would_hold_up_payments_gives_up_whole_and_can_be_repeated(
    postgres: tuple[str, str], database_url: str
) -> None:
    url = on_database(database_url, "migrated_beside_payments")
    await run_on_server(postgres[0], "CREATE DATABASE migrated_beside_payments")
    engine = make_engine(url, pool_size=2)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0001"))

    async with engine.begin() as reader:
        await reader.execute(text("SELECT count(*) FROM bill"))
        with pytest.raises(DBAPIError) as refused:
            await upgrade(engine)
    after_the_refusal = await is_ready(engine, too_old=older_migrations() - {"0001"})
    await upgrade(engine)

    assert (
        remedy(refused.value) == "Something else holds the lock that is needed: end long transactions, then try again."
    )
    assert after_the_refusal
    assert await is_ready(engine, too_old=older_migrations())
    await engine.dispose()
    await run_on_server(postgres[0], "DROP DATABASE migrated_beside_payments WITH (FORCE)")
