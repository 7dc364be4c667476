"""What must hold in the database at every moment, as data: each a query that finds whatever breaks it.

All of them are read by one statement, so they judge one moment, however many processes write meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.invariants.attempts import ATTEMPTS
from backend.store.invariants.bills import BILLS
from backend.store.invariants.cards import CARDS
from backend.store.invariants.history import HISTORY
from backend.store.invariants.invariant import Invariant
from backend.store.invariants.money_back import MONEY_BACK
from backend.store.invariants.notices import NOTICES
from backend.store.invariants.requests import REQUESTS
from backend.store.invariants.work import WORK

__all__ = ["INVARIANTS", "Invariant", "Violation", "find_violations"]

INVARIANTS: tuple[Invariant, ...] = (*BILLS, *REQUESTS, *ATTEMPTS, *CARDS, *MONEY_BACK, *HISTORY, *NOTICES, *WORK)

# Each machine agrees with the database's clock within five minutes (assumption C1 of docs/guarantees.md).
_SKEW = timedelta(minutes=10)
_BY_NAME = {each.name: each for each in INVARIANTS}
_ONLY_READ = text("SET TRANSACTION READ ONLY")
# Compiling so long a statement would take longer than running it.
_NO_COMPILING = text("SET LOCAL jit = off")
_ALL = text("\nUNION ALL\n".join(each.named_query() for each in INVARIANTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One row that breaks an invariant; names ids and states, never a person."""

    invariant: Invariant
    subject: str
    detail: str


async def find_violations(connection: AsyncConnection, *, now: datetime) -> Sequence[Violation]:
    """Everything that is wrong at this moment, in the order of the invariants.

    Belongs into a transaction of its own, which can write nothing afterwards: what finds faults repairs none.
    """
    await connection.execute(_ONLY_READ)
    await connection.execute(_NO_COMPILING)
    rows = await connection.execute(_ALL, {"now": now, "skew": _SKEW})
    return [Violation(invariant=_BY_NAME[row.invariant], subject=row.subject, detail=row.detail) for row in rows]
