"""SQL for the list of what people must look at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RAISE = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
VALUES (:kind, CAST(:kind AS text) || ':' || CAST(:subject AS text), :account_id, CAST(:detail AS jsonb), :now)
ON CONFLICT (dedupe_key) DO UPDATE SET done_at = NULL, detail = excluded.detail, created_at = excluded.created_at
WHERE CAST(:reopens AS boolean) AND staff_task.done_at IS NOT NULL
""")

_SETTLE = text("""
UPDATE staff_task SET done_at = :now, done_by = :by, note = :note
WHERE done_at IS NULL AND dedupe_key IN (
  SELECT CAST(:kind AS text) || ':' || subject FROM unnest(CAST(:subjects AS text[])) AS subject)
""")

_SETTLE_ABOUT = text("""
UPDATE staff_task SET done_at = :now, done_by = :by, note = :note
WHERE done_at IS NULL AND kind = :kind AND split_part(dedupe_key, ':', 2) = ANY(:about)
""")

# A matter names its order directly, or by the request or the notice that it is about.
_OPEN = text("""
SELECT id, kind, created_at, coalesce(detail->>'order_number',
  (SELECT r.order_number FROM payment_request r WHERE r.id = CAST(substring(detail->>'request_id' FROM '^[0-9]+$')
    AS bigint)),
  (SELECT r.order_number FROM notice n JOIN payment_request r ON r.id = n.request_id
   WHERE n.id = CAST(substring(detail->>'notice_id' FROM '^[0-9]+$') AS bigint))) AS order_number, account_id
FROM staff_task WHERE done_at IS NULL ORDER BY created_at, id
""")

_DONE = text("""
UPDATE staff_task SET done_at = :now, done_by = :by, note = :note WHERE id = :id AND done_at IS NULL RETURNING kind
""")

_COUNT_OPEN = text("""
SELECT kind, count(*) AS tasks FROM staff_task WHERE done_at IS NULL GROUP BY kind ORDER BY kind
""")


async def raise_task(
    connection: AsyncConnection,
    *,
    kind: str,
    subject: str,
    account_id: int | None,
    detail: Mapping[str, object],
    now: datetime,
    reopens: bool = False,
) -> None:
    """Put one matter on the list; saying the same (kind, subject) again changes nothing.

    With `reopens`, a matter that was settled before and is there again goes back on the list.
    """
    values = {
        "kind": kind,
        "subject": subject,
        "account_id": account_id,
        "detail": json.dumps(detail),
        "now": now,
        "reopens": reopens,
    }
    await connection.execute(_RAISE, values)


async def settle_task(
    connection: AsyncConnection, *, kind: str, subject: str, by: str, note: str, now: datetime
) -> None:
    """Take a matter off the list that has settled itself; nothing happens when it is not there any more."""
    await settle_tasks(connection, kind=kind, subjects=[subject], by=by, note=note, now=now)


async def settle_tasks(
    connection: AsyncConnection, *, kind: str, subjects: Sequence[str], by: str, note: str, now: datetime
) -> None:
    """Take those matters of one kind off the list that have settled themselves."""
    values = {"kind": kind, "subjects": list(subjects), "by": by, "note": note, "now": now}
    await connection.execute(_SETTLE, values)


async def settle_about(
    connection: AsyncConnection, *, kind: str, about: Sequence[str], by: str, note: str, now: datetime
) -> None:
    """Take the matters of one kind off the list whose subject begins with one of these words and a colon."""
    values = {"kind": kind, "about": list(about), "by": by, "note": note, "now": now}
    await connection.execute(_SETTLE_ABOUT, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    """A matter that waits for people."""

    id: int
    kind: str
    created_at: datetime
    order_number: str | None
    account_id: int | None


async def list_open(connection: AsyncConnection) -> list[OpenTask]:
    """What waits for people, the oldest first."""
    return [OpenTask(**row) for row in (await connection.execute(_OPEN)).mappings()]


async def finish_task(connection: AsyncConnection, *, task_id: int, by: str, note: str, now: datetime) -> str | None:
    """Take a matter off the list, with who settled it and how; returns its kind, None when none is open there."""
    values = {"id": task_id, "by": by, "note": note, "now": now}
    return (await connection.execute(_DONE, values)).scalar_one_or_none()


async def count_open(connection: AsyncConnection) -> dict[str, int]:
    """How many matters of each kind wait for people."""
    return {row.kind: row.tasks for row in await connection.execute(_COUNT_OPEN)}
