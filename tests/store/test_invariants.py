"""The invariants as data: each has a name and a sentence, all are read at once, and a sound ledger breaks none."""

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.store.invariants import INVARIANTS
from tests.kit.clock import jst
from tests.kit.verification import must_verify


def test_every_invariant_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len({each.name for each in INVARIANTS}) == len(INVARIANTS)
    assert all(each.sentence.endswith(".") for each in INVARIANTS)


async def test_an_empty_ledger_breaks_no_invariant(engine: AsyncEngine) -> None:
    await must_verify(engine, now=jst("2026-11-10T10:00"), has_workers=True)
