"""SQL for the list of what people must look at."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RAISE = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
VALUES (:kind, CAST(:kind AS text) || ':' || CAST(:subject AS text), :account_id, CAST(:detail AS jsonb), :now)
ON CONFLICT (dedupe_key) DO NOTHING
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
) -> None:
    """Put one matter on the list; saying the same (kind, subject) again changes nothing."""
    values = {
        "kind": kind,
        "subject": subject,
        "account_id": account_id,
        "detail": json.dumps(detail),
        "now": now,
    }
    await connection.execute(_RAISE, values)


async def count_open(connection: AsyncConnection) -> dict[str, int]:
    """How many matters of each kind wait for people."""
    return {row.kind: row.tasks for row in await connection.execute(_COUNT_OPEN)}
