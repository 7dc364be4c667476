"""Who acts, and why: said once at each door, and written by the database beside every money state that it moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import asyncpg
from typing_extensions import override

PAYER, WORKER, TIMETABLE, STAFF = "payer", "worker", "timetable", "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """The actor and the cause of what a task does."""

    actor: str
    cause: str


_ACTING: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(*, actor: str, cause: str) -> Iterator[None]:
    """Whatever is begun inside the block is done by this actor for this cause (invariant 19); the inner block wins.

    For doors: a page, a worker's step, a job of the timetable, an event, a desk. Without one the history names the
    database's user.
    """
    token = _ACTING.set(Acting(actor=actor, cause=cause))
    try:
        yield
    finally:
        _ACTING.reset(token)


def staff(name: str) -> str:
    """The actor that one of our people is."""
    return f"{STAFF}:{name.strip()}"


class ActingConnection(asyncpg.Connection):
    """A connection that tells the database who acts in the very message that begins a transaction: no extra way."""

    @override
    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As asyncpg's; `BEGIN` carries two settings with it, which the transaction's end forgets."""
        who = _ACTING.get()
        if who is not None and not args and query.startswith("BEGIN"):
            query = f"{query} SET LOCAL tsukibarai.actor = {_quoted(who.actor)}; "
            query += f"SET LOCAL tsukibarai.cause = {_quoted(who.cause)};"
        return await super().execute(query, *args, timeout=timeout)


def _quoted(value: str) -> str:
    """An SQL literal: settings take no bound parameters, and a name is typed by people."""
    safe = value.replace("\0", "").replace("\\", "\\\\").replace("'", "''")
    return f"E'{safe}'"
