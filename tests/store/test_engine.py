"""What production demands of its database."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.store.database_trouble import UnsafeCommitsError, remedy
from backend.store.engine import (
    as_asyncpg,
    make_engine,
    recreate_database,
    refuse_unsafe_commits,
    transaction,
)
from tests.kit.databases import on_database


async def test_f14_a_database_that_may_forget_commits_is_refused(engine: AsyncEngine, database_url: str) -> None:
    name = engine.url.database
    async with engine.begin() as connection:
        await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    fresh = make_engine(database_url, pool_size=1)

    with pytest.raises(UnsafeCommitsError, match="synchronous_commit is off"):
        await refuse_unsafe_commits(fresh)
    await fresh.dispose()


@pytest.mark.parametrize("seconds", [0, 1.2])
async def test_f10_the_first_step_after_a_crash_finds_a_fresh_connection(
    engine: AsyncEngine, database_url: str, seconds: float
) -> None:
    other = make_engine(database_url, pool_size=1)
    async with transaction(engine) as first, transaction(engine) as second:
        for connection in (first, second):
            await connection.execute(text("SELECT 1"))
    async with transaction(other) as connection:
        cut = await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await asyncio.sleep(seconds or 0.05)  # 0.05: what the system needs to say that the server has hung up

    for _ in range(3):
        async with transaction(engine) as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    assert list(cut.scalars()) == [True, True]
    await other.dispose()


@pytest.mark.parametrize("given", ["postgres://a/b", "postgresql://a/b", "postgresql+asyncpg://a/b"])
def test_the_addresses_that_hosts_hand_out_are_understood(given: str) -> None:
    assert as_asyncpg(given) == "postgresql+asyncpg://a/b"


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("postgres://u:p%40s@a/b?sslmode=require", "postgresql+asyncpg://u:p%40s@a/b?ssl=require"),
        ("postgresql://a/b?sslmode=verify-full&host=c", "postgresql+asyncpg://a/b?host=c&ssl=verify-full"),
        ("postgresql+asyncpg://a/b?ssl=prefer&channel_binding=require", "postgresql+asyncpg://a/b?ssl=prefer"),
    ],
)
def test_what_hosts_append_to_an_address_is_said_in_the_words_of_our_driver(given: str, understood: str) -> None:
    assert as_asyncpg(given) == understood


async def test_an_address_with_the_words_of_libpq_leads_to_the_database(database_url: str) -> None:
    engine = make_engine(f"{database_url}&sslmode=prefer&channel_binding=prefer", pool_size=1)

    async with transaction(engine) as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await engine.dispose()


async def test_a_database_that_others_work_in_is_not_emptied_under_them(postgres: tuple[str, str]) -> None:
    other = make_engine(on_database(postgres[0], "tsukibarai"))

    async with transaction(other) as connection:
        with pytest.raises(DBAPIError) as refused:
            await recreate_database(postgres[0])
        still = (await connection.execute(text("SELECT current_database()"))).scalar_one()
    await other.dispose()

    assert str(remedy(refused.value)).startswith("Others are at work in the database")
    assert still == "tsukibarai"
