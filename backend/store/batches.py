"""SQL for the batches of automatic charges: one an opening, its canaries, what became of it, stopping and going on."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.batch_brake import BatchAmounts, BatchCounts
from backend.domain.states import BatchState, StopReason
from backend.store import batch_counts
from backend.store.charging_stops import REMEMBERS_ALL

# An opening that was killed left its batch in `opening`: the next one goes on with it.
_BEGIN = text("""
INSERT INTO charge_batch (opened_on, state, canary_size, created_at) VALUES (:today, 'opening', :canary_size, :now)
ON CONFLICT (state) WHERE state = 'opening' DO UPDATE SET canary_size = excluded.canary_size
RETURNING id
""")

_OPENING_IS_OVER = text("SELECT pg_try_advisory_xact_lock(7306002)")  # the opening's own lock (opening.py)

_LIVE = text("""
SELECT id, opened_on, state, canary_size, counted_from FROM charge_batch WHERE state <> 'done'
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
""")

_LOCK = text("""
SELECT id, opened_on, state, canary_size, counted_from FROM charge_batch WHERE id = :batch_id FOR NO KEY UPDATE
""")

_DROP_EMPTY = text("""
DELETE FROM charge_batch b
WHERE id = :batch_id AND NOT EXISTS (SELECT FROM payment_attempt p WHERE p.batch_id = b.id) RETURNING id
""")

# An opening fills its batch in many transactions; each holds off whoever wants to end the opening.
_JOIN = text("SELECT id FROM charge_batch WHERE id = :batch_id AND state = 'opening' FOR SHARE")

_AMOUNTS = text("""
SELECT count(*) AS attempts, coalesce(sum(amount), 0) AS total,
  coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY amount), 0) AS median
FROM payment_attempt WHERE batch_id = :batch_id AND state <> 'withdrawn'
""")

_AMOUNTS_OF_MONTH = text("""
SELECT count(*) AS attempts, coalesce(sum(p.amount), 0) AS total,
  coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY p.amount), 0) AS median
FROM payment_attempt p JOIN charge_batch b ON b.id = p.batch_id
WHERE date_trunc('month', b.opened_on) = date_trunc('month', CAST(:day AS date)) AND p.state <> 'withdrawn'
""")

_LAST_BEFORE = text("""
SELECT max(b.opened_on) FROM charge_batch b
WHERE b.opened_on < date_trunc('month', CAST(:day AS date))
  AND EXISTS (SELECT FROM payment_attempt p WHERE p.batch_id = b.id AND p.state <> 'withdrawn')
""")

_SEAL = text("""
UPDATE charge_batch SET state = :state, attempts = :attempts, total = :total, median = :median,
  stop_reason = :stop_reason,
  stopped_at = CASE WHEN CAST(:state AS text) = 'stopped' THEN CAST(:now AS timestamptz) END,
  canary_passed_at = CASE WHEN CAST(:is_canary_needed AS boolean) THEN NULL ELSE CAST(:now AS timestamptz) END
WHERE id = :batch_id AND state = 'opening'
""")

_STOP = text("""
UPDATE charge_batch SET state = 'stopped', stop_reason = :reason, stopped_at = :now WHERE id = :batch_id
""")

_PASS = text("UPDATE charge_batch SET state = 'running', canary_passed_at = :now WHERE id = :batch_id")

_END = text("UPDATE charge_batch SET state = 'done', ended_at = :now WHERE id = :batch_id")

# Whoever lifted the stop, by whichever command: its batches go on where they were.
_RESUME = text("""
UPDATE charge_batch b SET state = CASE WHEN canary_passed_at IS NULL THEN 'canary' ELSE 'running' END,
  stopped_at = NULL, stop_reason = NULL,
  counted_from = (SELECT max(lifted_at) FROM charging_stop s WHERE s.reason = b.stop_reason)
WHERE state = 'stopped'
  AND NOT EXISTS (SELECT FROM charging_stop s WHERE s.reason = b.stop_reason AND s.lifted_at IS NULL)
RETURNING id
""")

# The request is locked before its attempt, as everywhere.
_LOCK_STOPPED = text("""
SELECT r.id FROM payment_request r
WHERE r.state = 'open' AND EXISTS (
  SELECT FROM payment_attempt p JOIN charge_batch b ON b.id = p.batch_id
  WHERE p.request_id = r.id AND p.state = 'prepared' AND b.state = 'stopped')
ORDER BY r.id LIMIT :size FOR UPDATE
""")

_WITHDRAW = text(f"""
WITH withdrawn AS (
  UPDATE payment_attempt p SET state = 'withdrawn', settled_at = :now FROM charge_batch b
  WHERE p.request_id = ANY(:request_ids) AND p.state = 'prepared' AND b.id = p.batch_id AND b.state = 'stopped'
    AND {REMEMBERS_ALL}
  RETURNING p.id, p.request_id
), released AS (
  DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
)
SELECT request_id FROM withdrawn
""")  # noqa: S608 - the condition is ours

_RECENT = text("SELECT * FROM charge_batch ORDER BY id DESC LIMIT :size")


class OpeningIsOverError(Exception):
    """Another process has ended this opening, because its lock was lost; the next opening opens what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBatch:
    """A batch that is not done, locked until the transaction ends."""

    id: int
    opened_on: date
    state: BatchState
    canary_size: int
    counted_from: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBatch:
    """A batch as people see it; `total` and `median` in yen, None while it is being opened."""

    id: int
    opened_on: date
    state: BatchState
    canary_size: int
    total: int | None
    median: int | None
    stop_reason: StopReason | None
    stopped_at: datetime | None
    counted_from: datetime | None
    counts: BatchCounts


async def begin(connection: AsyncConnection, *, today: date, canary_size: int, now: datetime) -> int:
    """The batch that an opening fills; nothing of it is sent before it is sealed."""
    values = {"today": today, "canary_size": canary_size, "now": now}
    return int((await connection.execute(_BEGIN, values)).scalar_one())


async def join_opening(connection: AsyncConnection, *, batch_id: int) -> None:
    """Keep a batch open for what this transaction adds to it.

    Raises:
        OpeningIsOverError: it is open no more; add nothing.
    """
    if (await connection.execute(_JOIN, {"batch_id": batch_id})).scalar_one_or_none() is None:
        raise OpeningIsOverError


async def is_opening_over(connection: AsyncConnection) -> bool:
    """Whether no process is opening requests now; none can begin before this transaction ends."""
    return bool((await connection.execute(_OPENING_IS_OVER)).scalar_one())


async def lock_live(connection: AsyncConnection) -> list[LiveBatch]:
    """The batches that are not done and that nobody else is judging right now."""
    return [_live(row) for row in (await connection.execute(_LIVE)).mappings()]


async def lock_batch(connection: AsyncConnection, *, batch_id: int) -> LiveBatch:
    """One batch, waiting for whoever judges it."""
    return _live((await connection.execute(_LOCK, {"batch_id": batch_id})).mappings().one())


def _live(row: RowMapping) -> LiveBatch:
    return LiveBatch(**{**row, "state": BatchState(row["state"])})


async def drop_if_empty(connection: AsyncConnection, *, batch_id: int) -> bool:
    """Forget a batch for which nothing was opened."""
    return (await connection.execute(_DROP_EMPTY, {"batch_id": batch_id})).scalar_one_or_none() is not None


async def amounts_of_batch(connection: AsyncConnection, *, batch_id: int) -> BatchAmounts:
    """What a batch asks for."""
    row = (await connection.execute(_AMOUNTS, {"batch_id": batch_id})).mappings().one()
    return BatchAmounts(**{name: int(value) for name, value in row.items()})


async def amounts_of_month(connection: AsyncConnection, *, day: date) -> BatchAmounts:
    """What all batches opened in the month of `day` ask for together."""
    row = (await connection.execute(_AMOUNTS_OF_MONTH, {"day": day})).mappings().one()
    return BatchAmounts(**{name: int(value) for name, value in row.items()})


async def amounts_before(connection: AsyncConnection, *, day: date) -> BatchAmounts | None:
    """What the newest month before that of `day` asked for; None when there is none."""
    last = (await connection.execute(_LAST_BEFORE, {"day": day})).scalar_one()
    return await amounts_of_month(connection, day=last) if last else None


async def seal(
    connection: AsyncConnection,
    *,
    batch_id: int,
    state: BatchState,
    amounts: BatchAmounts,
    stop_reason: StopReason | None,
    is_canary_needed: bool,
    now: datetime,
) -> None:
    """End a batch's opening: from here on its charges may go as far as `state` says."""
    values = {
        "batch_id": batch_id,
        "state": state,
        "attempts": amounts.attempts,
        "total": amounts.total,
        "median": amounts.median,
        "stop_reason": stop_reason,
        "is_canary_needed": is_canary_needed,
        "now": now,
    }
    await connection.execute(_SEAL, values)


async def stop(connection: AsyncConnection, *, batch_id: int, reason: StopReason, now: datetime) -> None:
    """Let nothing more of a batch go; it goes on when the stop for `reason` is lifted."""
    await connection.execute(_STOP, {"batch_id": batch_id, "reason": reason, "now": now})


async def pass_canary(connection: AsyncConnection, *, batch_id: int, now: datetime) -> None:
    """Let the rest of a batch follow its canaries."""
    await connection.execute(_PASS, {"batch_id": batch_id, "now": now})


async def end(connection: AsyncConnection, *, batch_id: int, now: datetime) -> None:
    """Nothing of a batch waits any more."""
    await connection.execute(_END, {"batch_id": batch_id, "now": now})


async def resume_lifted(connection: AsyncConnection) -> list[int]:
    """Let stopped batches go on whose stop was lifted; returns them."""
    return list((await connection.execute(_RESUME)).scalars())


async def withdraw_stopped(connection: AsyncConnection, *, size: int, now: datetime) -> list[int]:
    """Take back charges of stopped batches that were not sent, some at a time; returns their requests, still open."""
    locked = list((await connection.execute(_LOCK_STOPPED, {"size": size})).scalars())
    return list((await connection.execute(_WITHDRAW, {"request_ids": locked, "now": now})).scalars())


async def recent(connection: AsyncConnection, *, size: int) -> list[KnownBatch]:
    """The newest batches and how they stand, newest first."""
    rows = (await connection.execute(_RECENT, {"size": size})).mappings().all()
    return [_known(row, await batch_counts.count(connection, batch_id=row["id"])) for row in rows]


def _known(row: RowMapping, counts: BatchCounts) -> KnownBatch:
    return KnownBatch(
        id=row["id"],
        opened_on=row["opened_on"],
        state=BatchState(row["state"]),
        canary_size=row["canary_size"],
        total=row["total"],
        median=row["median"],
        stop_reason=StopReason(row["stop_reason"]) if row["stop_reason"] else None,
        stopped_at=row["stopped_at"],
        counted_from=row["counted_from"],
        counts=counts,
    )
