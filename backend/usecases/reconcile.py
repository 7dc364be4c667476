"""Hold the gateway's books against ours: every movement of money fits one attempt, or is listed for people (f32).

Nothing is repaired here. An attempt that the gateway charged and we do not hold for paid is asked about in the
ordinary way; the answer is written by the ordinary function, or not at all.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.gateway_objects import MovementKind
from backend.domain.states import AttemptState
from backend.ports import Absent, Unknown
from backend.store import lost_attempts, reconciliation, reconciliation_matching
from backend.store.engine import transaction
from backend.usecases.our_beginning import reach_back
from backend.usecases.reconcile_lost import describe_lost
from backend.usecases.record_money_back import record_dispute, record_foreign_refund
from backend.usecases.record_outcome import record_outcome
from backend.usecases.resolve_unknown_payments import resolve_one
from backend.usecases.restore_gate import check_books
from backend.usecases.services import Services

_OVERLAP = timedelta(days=1)  # a line may be listed late: each walk begins a day before the end of the last one
_AHEAD = timedelta(days=1)  # the gateway's clock may be before ours
_LISTED_WITHIN = timedelta(hours=1)  # after that, what is not listed is missing
_SETTLED_WITHIN = timedelta(days=35)  # a charge is in a payout by then, or is listed
_SCOPE = timedelta(days=100)  # older movements have been compared long ago
_BATCH = 500
_LANES = 10
_IN_FLIGHT = {AttemptState.PREPARED, AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.CHALLENGED}
_FIRST = UUID(int=0)
_Line = TypeVar("_Line")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationReport:
    """What one walk through the books came to. `fitting` counts movements of its time, the others exceptions."""

    since: datetime
    until: datetime
    transactions: int = 0  # new ones
    settlements: int = 0  # new lines
    asked_again: int = 0  # attempts that the gateway had charged and we did not hold for paid
    fitting: int = 0
    listed: int = 0
    explained: int = 0


async def reconcile(
    services: Services, *, now: datetime, since: datetime | None = None, until: datetime | None = None
) -> ReconciliationReport:
    """Read the books from the end of the last walk on (or from `since` until `until`), then compare.

    Safe to run twice, beside itself, and after a kill: lines are copied once, exceptions are listed once.

    Raises:
        GatewayUnavailableError: the books could not be read to the end; what was copied stays, nothing is compared.
    """
    async with transaction(services.engine) as connection:
        horizon = await reconciliation.read_horizon(connection, gateway=services.gateway.name)
    if horizon is None:  # not even an account: nothing at the gateway can be ours
        return ReconciliationReport(since=now, until=now)
    since, until = since or await reach_back(services, since=horizon, overlap=_OVERLAP), until or now + _AHEAD
    transactions, settlements = await read_books(services, since=since, until=until, now=now)
    await check_books(services, since=since, now=now)
    asked_again = await _ask_again(services, since=since, now=now)
    await _record_money_back(services, since=since, now=now)
    async with transaction(services.engine) as connection:
        matched = await _match(services, connection, since=since, until=until, now=now)
        report = ReconciliationReport(
            since=since,
            until=until,
            transactions=transactions,
            settlements=settlements,
            asked_again=asked_again,
            **asdict(matched),
        )
        # Never across a hole: a walk that begins after the horizon leaves it where it is.
        reached = max(horizon, min(until, now)) if since <= horizon else horizon
        await _note(services, connection, report=report, reached=reached, now=now)
    await describe_lost(services)
    return report


async def _match(
    services: Services, connection: AsyncConnection, *, since: datetime, until: datetime, now: datetime
) -> reconciliation_matching.Matched:
    """Compare. When our clock travels and the gateway's does not, less time has passed there: nothing is late."""
    lag, scope = services.gateway.clock_lag, min(since, now - _SCOPE)
    listed_by = min(until, now)
    return await reconciliation_matching.match(
        connection,
        gateway=services.gateway.name,
        since=since,
        scope=scope,
        listed_before=listed_by - _LISTED_WITHIN - max(lag, timedelta()),
        settled_before=scope if lag else listed_by - _SETTLED_WITHIN,
        is_complete=until >= now,
        now=now,
    )


async def _note(
    services: Services,
    connection: AsyncConnection,
    *,
    report: ReconciliationReport,
    reached: datetime,
    now: datetime,
) -> None:
    counts = {name: count for name, count in asdict(report).items() if isinstance(count, int)}
    await reconciliation.record_run(
        connection, gateway=services.gateway.name, since=report.since, until=reached, counts=counts, now=now
    )


async def read_books(services: Services, *, since: datetime, until: datetime, now: datetime) -> tuple[int, int]:
    """Copy movements and payouts; returns how many of each were new. Raises GatewayUnavailableError on the way."""
    transactions = await _mirror_transactions(services, since=since, until=until, now=now)
    return transactions, await _mirror_settlements(services, since=since, until=until, now=now)


async def _mirror_transactions(services: Services, *, since: datetime, until: datetime, now: datetime) -> int:
    new = 0
    async for batch in batches_of(services.gateway.transactions(since=since, until=until)):
        async with transaction(services.engine) as connection:
            new += await reconciliation.mirror_transactions(
                connection, gateway=services.gateway.name, lines=batch, now=now
            )
    return new


async def _mirror_settlements(services: Services, *, since: datetime, until: datetime, now: datetime) -> int:
    new = 0
    async for batch in batches_of(services.gateway.settlements(since=since, until=until)):
        async with transaction(services.engine) as connection:
            new += await reconciliation.mirror_settlements(
                connection, gateway=services.gateway.name, lines=batch, now=now
            )
    return new


async def batches_of(lines: AsyncIterator[_Line]) -> AsyncIterator[list[_Line]]:
    """The same lines, some hundred at a time: memory stays flat however many there are."""
    batch: list[_Line] = []
    async for line in lines:
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _ask_again(services: Services, *, since: datetime, now: datetime) -> int:
    asked, after = 0, _FIRST
    while True:
        async with transaction(services.engine) as connection:
            found = await reconciliation.find_unbooked(
                connection, gateway=services.gateway.name, since=since, after=after, size=_LANES
            )
        if not found:
            return asked
        await asyncio.gather(*(_ask_about(services, attempt, now=now) for attempt in found))
        asked, after = asked + len(found), found[-1].id


async def _ask_about(services: Services, attempt: reconciliation.UnbookedAttempt, *, now: datetime) -> None:
    """In flight, or held for not yet sent (a restored database): as a webhook would. Given up: it is looked up."""
    if attempt.state is AttemptState.PREPARED:
        async with transaction(services.engine) as connection:
            await lost_attempts.mark_sent(connection, attempt_id=attempt.id, now=now)
    if attempt.state in _IN_FLIGHT:
        await resolve_one(services, attempt_id=attempt.id, now=now)
        return
    outcome = await services.gateway.look_up(attempt_id=attempt.id, charge_request=attempt.charge_request)
    if not isinstance(outcome, Unknown | Absent):
        await record_outcome(services, attempt_id=attempt.id, outcome=outcome, now=now)


async def _record_money_back(services: Services, *, since: datetime, now: datetime) -> None:
    """Refunds and disputes made at the gateway's own console become rows and tasks (f32)."""
    after = ""
    while True:
        async with transaction(services.engine) as connection:
            found = await reconciliation.find_unrecorded(
                connection, gateway=services.gateway.name, since=since, after=after, size=_BATCH
            )
        if not found:
            return
        for reference, kind in found:
            await _record_one(services, reference=reference, kind=kind, now=now)
        after = found[-1][0]


async def _record_one(services: Services, *, reference: str, kind: MovementKind, now: datetime) -> None:
    if kind is MovementKind.REFUND:
        refund = await services.gateway.look_up_refund(refund_reference=reference)
        if refund:
            await record_foreign_refund(services, refund=refund, now=now)
        return
    dispute = await services.gateway.look_up_dispute(dispute_reference=reference)
    if dispute:
        await record_dispute(services, dispute=dispute, now=now)
