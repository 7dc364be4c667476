"""Every invariant finds the fault it is there for, and a sound ledger has none."""

import pytest
from sqlalchemy.exc import DBAPIError

from backend.store.engine import transaction
from backend.store.invariants import INVARIANTS, find_violations
from tests.invariants.conftest import Plant
from tests.invariants.plants import PLANTS
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger


def test_every_invariant_has_a_plant_and_every_plant_an_invariant() -> None:
    assert {each.name for each in INVARIANTS} == set(PLANTS)


@pytest.mark.usefixtures("month")
async def test_every_invariant_names_its_planted_fault(ledger: Ledger, clock: FakeClock, plant: Plant) -> None:
    missed = []
    for name in PLANTS:
        async with ledger.services.engine.connect() as connection, connection.begin() as change:
            await plant(connection, name)
            found = await find_violations(connection, now=clock.now())
            if name not in {each.invariant.name for each in found}:
                missed.append(name)
            await change.rollback()

    assert missed == []


@pytest.mark.usefixtures("month")
async def test_what_finds_faults_can_write_nothing(ledger: Ledger, clock: FakeClock) -> None:
    async with transaction(ledger.services.engine) as connection:
        await find_violations(connection, now=clock.now())
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await connection.exec_driver_sql("DELETE FROM notice")
