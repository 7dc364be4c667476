"""Hold the ledger against its invariants; a broken money invariant stops charging, and no row is ever repaired."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.domain.states import StopReason, StopScope
from backend.store import accepted_violations, tasks
from backend.store.engine import transaction
from backend.store.invariants import INVARIANTS, Invariant, Violation, find_violations
from backend.usecases.stop_charging import stop_and_tell

_NAMED = 20  # subjects in a task: `tsukibarai verify` lists them all
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What breaks the invariants, without and with what two persons have accepted."""

    broken: Sequence[Violation]
    accepted: Sequence[Violation]


async def verify_ledger(engine: AsyncEngine, *, now: datetime) -> Sequence[Violation]:
    """Find every violation that nobody has accepted, and do about them as `judge_ledger` says."""
    return (await judge_ledger(engine, now=now)).broken


async def judge_ledger(engine: AsyncEngine, *, now: datetime) -> Judgement:
    """Find every violation, tell people about each broken invariant, and stop all charging if one is about money.

    What two persons have accepted is found, and neither told nor a reason to stop. What people were told of work or
    messages settles itself once it holds again; money waits for people.
    """
    began = monotonic()
    async with transaction(engine) as connection:
        found = await find_violations(connection, now=now)
        violations, accepted = await accepted_violations.split(connection, violations=found)
    found_at = now + timedelta(seconds=monotonic() - began)  # minutes later on a long history, and charging went on
    async with transaction(engine) as connection:
        await _report(connection, violations, now=now)
        await _brake(connection, violations, now=found_at)
        await _settle(connection, broken={each.invariant for each in violations}, now=now)
    return Judgement(broken=violations, accepted=accepted)


async def _settle(connection: AsyncConnection, *, broken: AbstractSet[Invariant], now: datetime) -> None:
    holding = [each.name for each in INVARIANTS if not each.is_money and each not in broken]
    await tasks.settle_tasks(
        connection, kind="invariant_broken", subjects=holding, by="verify", note="it holds again", now=now
    )


async def _report(connection: AsyncConnection, violations: Sequence[Violation], *, now: datetime) -> None:
    for name, group in groupby(violations, key=lambda violation: violation.invariant.name):
        broken = list(group)
        log.error("invariant_broken", invariant=name, rows=len(broken), first=broken[0].subject)
        await tasks.raise_task(
            connection,
            kind="invariant_broken",
            subject=name,
            account_id=None,
            detail={"rows": len(broken), "subjects": [each.subject for each in broken[:_NAMED]]},
            now=now,
            reopens=True,
        )


async def _brake(connection: AsyncConnection, violations: Sequence[Violation], *, now: datetime) -> None:
    broken = sorted({each.invariant.name for each in violations if each.invariant.is_money})
    if not broken:
        return
    await stop_and_tell(
        connection, reason=StopReason.BROKEN_INVARIANT, scope=StopScope.ALL, detail={"invariants": broken}, now=now
    )
