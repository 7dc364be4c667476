"""SQL for what a provider tells about a message afterwards: it has it, it brought it, it never will."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import NoticeWord
from backend.store.notice_evidence import with_evidence

# A receipt may come before our own settle, twice, late, while a resend waits, or when people were asked already: our
# reference in it proves which notice it means. Only forward, and a final state stays (channels.md 8.9).
_END = with_evidence(
    """
UPDATE notice SET state = :state, settled_at = :now, lease_until = NULL,
  failure = coalesce(:failure, CASE WHEN CAST(:state AS text) = 'failed' THEN failure END),
  provider_message_id = coalesce(provider_message_id, :message_id)
WHERE (key = :key OR provider_message_id = :message_id)
  AND (state NOT IN ('delivered', 'failed') OR state = 'failed' AND CAST(:state AS text) = 'delivered')
RETURNING id, state, attempts, CAST(:request_id AS text) AS request_id, CAST(:failure AS text) AS reason
""",
    word=NoticeWord.RECEIPT,
)

_PROVE_SENT = with_evidence(
    """
UPDATE notice SET state = 'sent', settled_at = :now, lease_until = NULL, failure = NULL,
  provider_message_id = coalesce(provider_message_id, :message_id)
WHERE (key = :key OR provider_message_id = :message_id) AND state NOT IN ('sent', 'delivered', 'failed')
RETURNING id, state, attempts, CAST(:request_id AS text) AS request_id, CAST(NULL AS text) AS reason
""",
    word=NoticeWord.RECEIPT,
)

_SETTLE_TASKS = text("""
UPDATE staff_task SET done_at = :now, done_by = 'tsukibarai', note = :note
WHERE done_at IS NULL AND dedupe_key IN (
  SELECT kind || ':notice:' || id
  FROM unnest(CAST(:kinds AS text[])) AS k(kind), unnest(CAST(:ids AS bigint[])) AS n(id))
""")


async def record_end(
    connection: AsyncConnection,
    *,
    key: UUID | None,
    message_id: str,
    request_id: str,
    state: str,
    failure: str | None,
    now: datetime,
) -> list[int]:
    """The provider said `delivered` or `failed`; returns the notices it ended. What people had to find out is known."""
    values = {
        "key": key,
        "message_id": message_id,
        "request_id": request_id,
        "state": state,
        "failure": failure,
        "now": now,
    }
    ended = list((await connection.execute(_END, values)).scalars())
    kinds = ["notice_unclear", "unreachable"] if state == "delivered" else ["notice_unclear"]
    await _settle_tasks(connection, kinds=kinds, ids=ended, note=f"receipt: {state}", now=now)
    return ended


async def prove_sent(
    connection: AsyncConnection, *, key: UUID | None, message_id: str, request_id: str, now: datetime
) -> None:
    """The provider has the message, whatever became of it: it is never sent again (f6)."""
    values = {"key": key, "message_id": message_id, "request_id": request_id, "now": now}
    proven = list((await connection.execute(_PROVE_SENT, values)).scalars())
    await _settle_tasks(connection, kinds=["notice_unclear"], ids=proven, note="receipt: sent", now=now)


async def _settle_tasks(
    connection: AsyncConnection, *, kinds: list[str], ids: list[int], note: str, now: datetime
) -> None:
    if ids:
        await connection.execute(_SETTLE_TASKS, {"kinds": kinds, "ids": ids, "note": note, "now": now})
