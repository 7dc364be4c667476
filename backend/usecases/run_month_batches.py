"""Watch the month's automatic charges: the canary first, then the rest; stop by itself when something looks wrong."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.batch_brake import STANDSTILL, BatchAmounts, BatchCounts, is_unlike, judge
from backend.domain.states import BatchState, StopReason, StopScope
from backend.store import batch_counts, batches, canaries, charging_stops, opened_amounts, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services
from backend.usecases.stop_charging import stop_and_tell

AUTOMATIC_STOPS = (StopReason.DECLINE_RATIO, StopReason.AMOUNT_ANOMALY, StopReason.PROVIDER_ERRORS)
log = structlog.get_logger()


async def watch_batches(services: Services, *, now: datetime) -> int:
    """Judge every batch by what has become of it so far; returns how many changed their state.

    Runs after a chunk of charges that did not all go well, and every few seconds besides. Also goes on with what
    was lifted, and with what an opening left behind that was killed.
    """
    async with transaction(services.engine) as connection:
        changed = len(await batches.resume_lifted(connection))
        for batch in await batches.lock_live(connection):
            changed += await _look_after(services, connection, batch=batch, now=now)
        await _remind_of_stops(connection, now=now)
    return changed


async def _look_after(
    services: Services, connection: AsyncConnection, *, batch: batches.LiveBatch, now: datetime
) -> int:
    if batch.state is not BatchState.OPENING:
        return await _judge(services, connection, batch=batch, now=now)
    if not await batches.is_opening_over(connection):
        return 0
    await seal_batch(services, connection, batch=batch, now=now)
    return 1


async def seal_batch(
    services: Services, connection: AsyncConnection, *, batch: batches.LiveBatch, now: datetime
) -> None:
    """End a batch's opening: look at its amounts before anything goes, then choose the canaries.

    The amounts that go out by URL are looked at as well; no URL of an opening leaves before this, nor while they stop.
    """
    if batch.state is not BatchState.OPENING:
        return
    odd = await _odd_requests(services, connection, day=batch.opened_on)
    if odd:
        await _pull(connection, batch_id=batch.id, reason=StopReason.AMOUNT_ANOMALY, numbers=odd, now=now)
    if await batches.drop_if_empty(connection, batch_id=batch.id):
        return
    amounts = await batches.amounts_of_batch(connection, batch_id=batch.id)
    is_canary_needed = 0 < batch.canary_size < amounts.attempts
    if is_canary_needed:
        await canaries.choose_canaries(connection, batch=batch)
    unlike = odd or await _unlike_before(services, connection, batch=batch, amounts=amounts)
    go = BatchState.CANARY if is_canary_needed else BatchState.RUNNING
    await batches.seal(
        connection,
        batch_id=batch.id,
        state=BatchState.STOPPED if unlike else go,
        amounts=amounts,
        stop_reason=StopReason.AMOUNT_ANOMALY if unlike else None,
        is_canary_needed=is_canary_needed,
        now=now,
    )
    if unlike and not odd:
        await _pull(connection, batch_id=batch.id, reason=StopReason.AMOUNT_ANOMALY, numbers=unlike, now=now)


async def _odd_requests(services: Services, connection: AsyncConnection, *, day: date) -> Mapping[str, object] | None:
    """The numbers that look wrong in what this day asks for, by URL and by card; None when they are as ever."""
    opened = await opened_amounts.opened_between(connection, first=day, last=day)
    month = await opened_amounts.opened_between(connection, first=day.replace(day=1), last=day)
    before = await opened_amounts.opened_before(connection, day=day)
    if not is_unlike(opened, month=month, before=before, factor=services.brake.amount_factor):
        return None
    return {"requests": asdict(opened), "month": asdict(month), "before": asdict(before) if before else None}


async def _unlike_before(
    services: Services, connection: AsyncConnection, *, batch: batches.LiveBatch, amounts: BatchAmounts
) -> Mapping[str, object] | None:
    """The numbers that look wrong; None when the amounts are like those of the month before."""
    month = await batches.amounts_of_month(connection, day=batch.opened_on)
    before = await batches.amounts_before(connection, day=batch.opened_on)
    if not is_unlike(amounts, month=month, before=before, factor=services.brake.amount_factor):
        return None
    return {"batch": asdict(amounts), "month": asdict(month), "before": asdict(before) if before else None}


async def _judge(services: Services, connection: AsyncConnection, *, batch: batches.LiveBatch, now: datetime) -> int:
    counts = await batch_counts.count(connection, batch_id=batch.id)
    is_canary = batch.state is BatchState.CANARY
    reason = judge(counts, limits=services.brake, is_canary=is_canary)
    if batch.state is not BatchState.STOPPED and reason:
        await batches.stop(connection, batch_id=batch.id, reason=reason, now=now)
        await _pull(connection, batch_id=batch.id, reason=reason, numbers=asdict(counts), now=now)
    elif counts.is_over:
        await batches.end(connection, batch_id=batch.id, now=now)
    elif is_canary and counts.is_canary_over:
        return await _end_canary(connection, batch=batch, counts=counts, now=now)
    else:
        await _report_standstill(connection, batch=batch, counts=counts, now=now)
        return 0
    return 1


async def _end_canary(
    connection: AsyncConnection, *, batch: batches.LiveBatch, counts: BatchCounts, now: datetime
) -> int:
    """Canaries that were taken back or are held have shown nothing: others go in their place, at least one."""
    if await canaries.choose_canaries(connection, batch=batch):
        return 1
    if not counts.answered_canaries:
        return 0  # nothing of the batch may go now
    await batches.pass_canary(connection, batch_id=batch.id, now=now)
    log.info("canary_passed", batch=batch.id, **asdict(counts))
    return 1


async def _report_standstill(
    connection: AsyncConnection, *, batch: batches.LiveBatch, counts: BatchCounts, now: datetime
) -> None:
    """A batch that may go and does not waits for nobody who knows of it: people are told, once a standstill."""
    since = await stands_still_since(connection, batch_id=batch.id, counts=counts, now=now)
    if since is None:
        return
    await tasks.raise_task(
        connection,
        kind="batch_stands_still",
        subject=f"{batch.id}:{since.timestamp():.0f}",
        account_id=None,
        detail={"batch_id": batch.id, "since": since.isoformat(), **asdict(counts)},
        now=now,
    )


async def stands_still_since(
    connection: AsyncConnection, *, batch_id: int, counts: BatchCounts, now: datetime
) -> datetime | None:
    """Since when nothing of a batch has moved although it may; None while all is well or stopped on purpose."""
    if not counts.could_move or await charging_stops.open_stops(connection):
        return None
    moved_at = await batch_counts.last_move(connection, batch_id=batch_id)
    return moved_at if now - moved_at >= STANDSTILL else None


async def _pull(
    connection: AsyncConnection, *, batch_id: int, reason: StopReason, numbers: Mapping[str, object], now: datetime
) -> None:
    """Stop all automatic charges, and tell people at once; payers with a URL may still pay."""
    detail = {"batch_id": batch_id, **numbers}
    if not await stop_and_tell(connection, reason=reason, scope=StopScope.AUTOMATIC, detail=detail, now=now):
        log.error("batch_stopped", reason=reason, **detail)  # people are looking at another batch already


async def _remind_of_stops(connection: AsyncConnection, *, now: datetime) -> None:
    """A stop that lasts is listed anew each day: customers wait behind it, and the 20th comes."""
    for stop in await charging_stops.open_stops(connection):
        if days := (now - stop.stopped_at).days:
            await tasks.raise_task(
                connection,
                kind="charging_stopped",
                subject=f"{stop.reason}:{stop.stopped_at.timestamp():.0f}:{days}",
                account_id=None,
                detail={"reason": stop.reason, "days": days, "stopped_at": stop.stopped_at.isoformat()},
                now=now,
            )


async def resume_charging(services: Services, *, by: str, note: str, now: datetime) -> list[StopReason]:
    """Lift the stops that a batch has caused and let the batches go on; returns what was lifted.

    What was counted until now stops nothing again. Stops for other reasons stay.
    """
    async with transaction(services.engine) as connection:
        lifted = [
            reason
            for reason in AUTOMATIC_STOPS
            if await charging_stops.lift_stop(connection, reason=reason, lifted_by=by, note=note, now=now)
        ]
        await batches.resume_lifted(connection)
    return lifted
