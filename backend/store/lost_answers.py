"""SQL for answers in a chat that did not reach who asked: no other channel takes them, so people do."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Who has blocked us, or told the carrier STOP (21610), wants no answer; that is known. The account is named if only
# one is behind the chat.
_REPORT = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'unreachable', 'unreachable:notice:' || n.id, behind.account_id,
  jsonb_build_object('notice_id', n.id, 'failure', n.failure, 'conversation_id', c.id), :now
FROM notice n
LEFT JOIN conversation c ON c.channel = n.channel AND c.address = n.address
LEFT JOIN LATERAL (
  SELECT min(account_id) AS account_id FROM (
    SELECT a.id AS account_id FROM account a WHERE n.channel = 'sms' AND a.phone = n.address
    UNION SELECT k.account_id FROM line_link k
    WHERE n.channel = 'line' AND k.line_user_id = n.address AND k.unlinked_at IS NULL
  ) known HAVING count(*) = 1
) behind ON true
WHERE n.id = ANY(:ids) AND n.kind = 'reply' AND n.state = 'failed'
  AND NOT coalesce(n.failure = 'blocked' OR n.failure ~ '21610$', false)
ON CONFLICT (dedupe_key) DO NOTHING
""")


async def report_failed_answers(connection: AsyncConnection, *, notice_ids: Sequence[int], now: datetime) -> None:
    """Put the answers among these notices that certainly did not arrive on the list for people."""
    await connection.execute(_REPORT, {"ids": list(notice_ids), "now": now})
