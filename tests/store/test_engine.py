"""What production demands of its database."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.store.engine import UnsafeCommitsError, as_asyncpg, make_engine, refuse_unsafe_commits


async def test_f14_a_database_that_may_forget_commits_is_refused(engine: AsyncEngine, database_url: str) -> None:
    name = engine.url.database
    async with engine.begin() as connection:
        await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    fresh = make_engine(database_url, pool_size=1)

    with pytest.raises(UnsafeCommitsError, match="synchronous_commit is off"):
        await refuse_unsafe_commits(fresh)
    await fresh.dispose()


@pytest.mark.parametrize("given", ["postgres://a/b", "postgresql://a/b", "postgresql+asyncpg://a/b"])
def test_the_addresses_that_hosts_hand_out_are_understood(given: str) -> None:
    assert as_asyncpg(given) == "postgresql+asyncpg://a/b"
