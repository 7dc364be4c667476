"""The product's own invariants, held against the database of a test."""

from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.store.engine import transaction
from backend.store.invariants import INVARIANTS, find_violations
from backend.store.invariants.work import WORK

# Tests travel past days without looking at the timetable.
_OF_THE_CALENDAR = {"timetable_stands_still"}


async def must_verify(engine: AsyncEngine, *, now: datetime, has_workers: bool) -> None:
    """Fail with every violation named; without workers, what they would have done by now is not asked for."""
    async with transaction(engine) as connection:
        await must_verify_on(connection, now=now, has_workers=has_workers)


async def must_verify_on(connection: AsyncConnection, *, now: datetime, has_workers: bool) -> None:
    """The same in a transaction that goes on, and can only read from then on."""
    violations = await find_violations(connection, now=now)
    ours = {each.name for each in INVARIANTS if has_workers or each not in WORK} - _OF_THE_CALENDAR
    judged = [each for each in violations if each.invariant.name in ours]
    found = [f"{each.invariant.name}: {each.subject}: {each.detail}" for each in judged]
    assert found == [], "\n".join(found)


def leaves_violations(request: pytest.FixtureRequest) -> bool:
    """Whether the test breaks the ledger on purpose, and says why."""
    marker = request.node.get_closest_marker("leaves_violations")
    assert marker is None or marker.args, "say why the violations are left"
    return marker is not None
