"""Accept a contradiction of the ledger that cannot be put right: two persons say so, and it counts no more."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.store import accepted_violations
from backend.store.engine import transaction
from backend.store.invariants import Violation, find_violations

log = structlog.get_logger()


class AcceptAnswer(StrEnum):
    """What became of the wish to accept a violation."""

    ACCEPTED = "accepted"
    PROPOSED = "proposed"  # waits for a second person
    NEEDS_ANOTHER = "needs_another"  # the same person has proposed it
    NOT_BROKEN = "not_broken"  # `verify` does not name it now, or it is accepted already
    NO_WORD = "no_word"  # without a name or a note


async def accept_violation(
    engine: AsyncEngine, *, invariant: str, subject: str, by: str, note: str, now: datetime
) -> AcceptAnswer:
    """Accept what `verify` says of this subject now: the first person proposes, another accepts.

    It is kept for ever with both names and notes. If its detail changes, it is another violation and counts again.
    """
    if not by.strip() or not note.strip():
        return AcceptAnswer.NO_WORD
    named = await _find(engine, invariant=invariant, subject=subject, now=now)
    if not named:
        return AcceptAnswer.NOT_BROKEN
    async with transaction(engine) as connection:
        answers = {await _accept(connection, each, by=by, note=note, now=now) for each in named}
    answer = next(each for each in (AcceptAnswer.PROPOSED, AcceptAnswer.NEEDS_ANOTHER, *answers) if each in answers)
    log.warning("violation_judged", invariant=invariant, subject=subject, by=by, note=note, answer=str(answer))
    return answer


async def _find(engine: AsyncEngine, *, invariant: str, subject: str, now: datetime) -> Sequence[Violation]:
    async with transaction(engine) as connection:
        found = await find_violations(connection, now=now)
        broken, _ = await accepted_violations.split(connection, violations=found)
    return [each for each in broken if (each.invariant.name, each.subject) == (invariant, subject)]


async def _accept(
    connection: AsyncConnection, violation: Violation, *, by: str, note: str, now: datetime
) -> AcceptAnswer:
    if await accepted_violations.accept(connection, violation=violation, by=by, note=note, now=now):
        return AcceptAnswer.ACCEPTED
    if await accepted_violations.propose(connection, violation=violation, by=by, note=note, now=now):
        return AcceptAnswer.PROPOSED
    return AcceptAnswer.NEEDS_ANOTHER
