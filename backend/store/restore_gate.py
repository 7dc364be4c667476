"""SQL of the restore gate: which database this is, how far its memory reaches, which money at the gateway it lacks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import NoticeState

# What a copy of a database cannot keep. A server that refuses one of these leaves that sign out: the others decide.
# system: another cluster. timeline: the log was replayed to a point in time, or a standby took over. database and
# ledger: the tables were made anew from a dump.
_SIGNS: Mapping[str, TextClause] = {
    "system": text("SELECT CAST(system_identifier AS text) FROM pg_control_system()"),
    "timeline": text("SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"),
    "database": text("SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()"),
    "ledger": text("SELECT CAST(CAST(CAST('payment_attempt' AS regclass) AS oid) AS text)"),
}

_HAS_MOVED = text("SELECT database_has_moved()")  # migration 0004; the statements that send charges ask it, too

_FIND_IDENTITY = text("SELECT parts FROM database_identity")

_NOTE_FIRST = text("""
INSERT INTO database_identity (parts, noted_at, noted_by) VALUES (CAST(:parts AS jsonb), :now, :noted_by)
ON CONFLICT (is_only_row) DO NOTHING
""")

_NOTE_AGAIN = text("""
INSERT INTO database_identity (parts, noted_at, noted_by) VALUES (CAST(:parts AS jsonb), :now, :noted_by)
ON CONFLICT (is_only_row) DO UPDATE
SET parts = excluded.parts, noted_at = excluded.noted_at, noted_by = excluded.noted_by
""")

# Everything that was committed before the restored moment is older than it, so whatever is missing is newer than the
# newest evidence. Before there is any, no charge can be older than the first account.
_MEMORY = text("""
SELECT
  coalesce(
    greatest(
      (SELECT at FROM payment_evidence ORDER BY id DESC LIMIT 1), (SELECT max(occurred_at) FROM gateway_transaction)),
    (SELECT created_at FROM account ORDER BY id LIMIT 1)) AS evidence_until,
  greatest(
    (SELECT at FROM payment_evidence ORDER BY id DESC LIMIT 1),
    (SELECT greatest(created_at, last_sent_at) FROM notice ORDER BY id DESC LIMIT 1),
    (SELECT received_at FROM inbox_event ORDER BY id DESC LIMIT 1),
    (SELECT opened_at FROM payment_request ORDER BY id DESC LIMIT 1),
    (SELECT max(ran_at) FROM job_run),
    (SELECT created_at FROM account ORDER BY id DESC LIMIT 1)) AS remembers_until
""")

# Neither charge nor refund is on the wire before its row is committed as sent: one that the gateway has and that is
# unknown here, or not yet sent here, or taken back as unsent, belongs to a time that this database has forgotten. (One
# booked without its row, as if made at the console, is known by the gateway's name.)
_UNKNOWN = text("""
SELECT t.gateway_reference
FROM unnest(CAST(:attempt_ids AS uuid[]), CAST(:refund_ids AS uuid[]), CAST(:references AS text[]))
  AS t(attempt_id, refund_id, gateway_reference)
LEFT JOIN payment_attempt a ON a.id = t.attempt_id
WHERE (a.id IS NULL OR a.state IN ('prepared', 'withdrawn') OR t.refund_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM refund f WHERE f.gateway_reference = t.gateway_reference
      OR f.id = t.refund_id AND f.state NOT IN ('requested', 'prepared', 'withdrawn')))
  AND NOT EXISTS (
    SELECT FROM reconciliation_exception x WHERE x.reference = t.gateway_reference
    AND (x.accepted_at IS NOT NULL OR x.resolved_at IS NOT NULL))
""")

_FORGOTTEN_IN_BOOKS = text("""
SELECT min(t.occurred_at) FROM gateway_transaction t LEFT JOIN payment_attempt a ON a.id = t.attempt_id
WHERE t.gateway = :gateway AND t.attempt_id IS NOT NULL AND t.occurred_at >= :since
  AND (a.id IS NULL OR a.state IN ('prepared', 'withdrawn') OR t.refund_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM refund f WHERE f.gateway_reference = t.gateway_reference
      OR f.id = t.refund_id AND f.state NOT IN ('requested', 'prepared', 'withdrawn')))
  AND NOT EXISTS (
    SELECT FROM reconciliation_exception x WHERE x.reference = t.gateway_reference
    AND (x.accepted_at IS NOT NULL OR x.resolved_at IS NOT NULL))
""")

_HOLD_RESTORED = text("""
UPDATE notice SET
  state = CASE
    WHEN channel = 'sms' THEN 'unknown'
    WHEN reply_token IS NOT NULL THEN 'failed'
    ELSE 'queued' END,
  attempts = greatest(attempts, CASE WHEN channel = 'sms' THEN 1 ELSE attempts END),
  first_sent_at = coalesce(first_sent_at, CAST(:remembers_until AS timestamptz)),
  last_sent_at = coalesce(last_sent_at, CAST(:remembers_until AS timestamptz)),
  failure = 'restored', lease_until = NULL,
  settled_at = CASE WHEN channel = 'line' AND reply_token IS NOT NULL THEN CAST(:now AS timestamptz) END
WHERE state IN ('queued', 'sending') AND created_at <= :remembers_until
""")

# Nothing is charged while the gate is closed: what was booked since was taken before, and most likely told then.
_DOUBT_TOLD = text("""
UPDATE notice n SET state = CASE n.channel WHEN 'sms' THEN 'unknown' ELSE 'needs_human' END,
  attempts = greatest(n.attempts, 1), first_sent_at = coalesce(n.first_sent_at, t.occurred_at),
  last_sent_at = coalesce(n.last_sent_at, t.occurred_at), failure = 'restored'
FROM payment_attempt a JOIN gateway_transaction t ON t.attempt_id = a.id
WHERE n.request_id = a.request_id AND n.state = 'queued' AND n.created_at >= :closed_at
  AND (t.kind = 'charge' AND a.state = 'succeeded' AND n.kind IN ('paid', 'charged')
    OR t.kind = 'refund' AND n.kind = 'refunded' AND t.occurred_at < :closed_at AND EXISTS (
      SELECT FROM refund f WHERE f.gateway_reference = t.gateway_reference AND f.attempt_id = a.id
        AND n.dedupe_key LIKE 'refunded:' || f.id || ':%'))
RETURNING n.id, n.state
""")

_PASS_SERIAL = text("""
SELECT setval('order_serial', :leap + greatest(
  (SELECT last_value FROM order_serial),
  (SELECT max(CAST(substr(order_number, 5) AS bigint)) FROM payment_request
   WHERE opened_at >= :since AND order_number ~ '^[0-9]{12}$'),
  (SELECT max(CAST(substr(order_number, 5) AS bigint)) FROM reconciliation_exception
   WHERE resolved_at IS NULL AND order_number ~ '^[0-9]{12}$')))
""")

_TASKS_DONE = text("UPDATE staff_task SET done_at = :now WHERE kind = 'restore_gate_closed' AND done_at IS NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How far this database's memory reaches; None while there is not even an account."""

    evidence_until: datetime | None  # nothing that it has forgotten happened at the gateway before this
    remembers_until: datetime | None  # the newest trace of any kind: about the moment it was restored to


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMoney:
    """One movement at the gateway that carries an id of ours."""

    attempt_id: UUID
    refund_id: UUID | None
    reference: str


async def read_signs(connection: AsyncConnection) -> dict[str, str]:
    """The signs of the database that this connection writes to, as far as the server tells them."""
    found = {}
    for name, statement in _SIGNS.items():
        try:
            async with connection.begin_nested():
                found[name] = str((await connection.execute(statement)).scalar_one())
        except DBAPIError:
            continue  # refused to us, unknown to this server, or a standby: the sign is left out
    return found


async def has_moved(connection: AsyncConnection) -> bool:
    """The two signs that can change under a running process, in one look."""
    return bool((await connection.execute(_HAS_MOVED)).scalar_one())


async def find_identity(connection: AsyncConnection) -> dict[str, str] | None:
    """The signs as they were noted; None in a database that no process has used yet."""
    found = (await connection.execute(_FIND_IDENTITY)).scalar_one_or_none()
    return dict(found) if found is not None else None


async def note_first_identity(connection: AsyncConnection, *, parts: Mapping[str, str], now: datetime) -> None:
    """Note the signs if none are; two processes may start at once."""
    await connection.execute(_NOTE_FIRST, {"parts": json.dumps(parts), "now": now, "noted_by": "first start"})


async def note_identity(connection: AsyncConnection, *, parts: Mapping[str, str], noted_by: str, now: datetime) -> None:
    """From now on this is the database."""
    await connection.execute(_NOTE_AGAIN, {"parts": json.dumps(parts), "now": now, "noted_by": noted_by})


async def read_memory(connection: AsyncConnection) -> Memory:
    """How far the rows reach; a few look-ups by index."""
    return Memory(**(await connection.execute(_MEMORY)).mappings().one())


async def find_forgotten(connection: AsyncConnection, *, seen: Sequence[SeenMoney]) -> list[str]:
    """Which of these movements this database cannot have seen, and nobody has accepted; their references."""
    values = {
        "attempt_ids": [each.attempt_id for each in seen],
        "refund_ids": [each.refund_id for each in seen],
        "references": [each.reference for each in seen],
    }
    return list((await connection.execute(_UNKNOWN, values)).scalars())


async def oldest_forgotten(connection: AsyncConnection, *, gateway: str, since: datetime) -> datetime | None:
    """When the first movement in the copied books happened that this database cannot have seen; None: none."""
    found: datetime | None = (
        await connection.execute(_FORGOTTEN_IN_BOOKS, {"gateway": gateway, "since": since})
    ).scalar_one()
    return found


async def doubt_restored_notices(connection: AsyncConnection, *, remembers_until: datetime, now: datetime) -> int:
    """What still waited in the restored state may have been sent since: never simply send it.

    LINE pushes keep their key, whose life is counted from the restored moment; SMS is looked for at the provider
    first; a reply whose token is gone is given up. Returns how many were concerned.
    """
    values = {"remembers_until": remembers_until, "now": now}
    return (await connection.execute(_HOLD_RESTORED, values)).rowcount


async def doubt_told(connection: AsyncConnection, *, closed_at: datetime) -> tuple[list[int], list[int]]:
    """News of payments and refunds that the forgotten time has most likely brought.

    SMS is looked for, a push is left to people; returns both, in this order.
    """
    rows = (await connection.execute(_DOUBT_TOLD, {"closed_at": closed_at})).all()
    sought = [row.id for row in rows if row.state == NoticeState.UNKNOWN]
    return sought, [row.id for row in rows if row.state == NoticeState.NEEDS_HUMAN]


async def pass_used_order_numbers(connection: AsyncConnection, *, since: datetime, leap: int) -> None:
    """Let the next order number be one that the forgotten time cannot have given out."""
    await connection.execute(_PASS_SERIAL, {"since": since, "leap": leap})


async def finish_tasks(connection: AsyncConnection, *, now: datetime) -> None:
    """What people were told about the closed gate is settled."""
    await connection.execute(_TASKS_DONE, {"now": now})
