"""SQL for the month's LINE pushes: how many are still to come, and bringing what waits by SMS instead."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What waits in the outbox, and one push for everybody on LINE whose bills are still to be asked for.
_NEEDED = text("""
SELECT (SELECT count(*) FROM notice WHERE state = 'queued' AND channel = 'line' AND reply_token IS NULL)
  + (SELECT count(DISTINCT b.account_id) FROM bill b
     JOIN line_link k ON k.account_id = b.account_id AND k.unlinked_at IS NULL
     LEFT JOIN line_user u ON u.line_user_id = k.line_user_id
     LEFT JOIN contact_stop s ON s.channel = 'line' AND s.address = k.line_user_id
     WHERE b.state IN ('finalized', 'carried_over') AND b.confirmed_on <= :today
       AND NOT coalesce(u.is_blocked, false) AND s.address IS NULL)
""")

# `first_sent_at` is empty as long as LINE has certainly not processed it: a refusal for the quota clears it again.
_WAITING = text("""
SELECT id FROM notice
WHERE state = 'queued' AND channel = 'line' AND kind <> 'reply' AND first_sent_at IS NULL
ORDER BY id LIMIT :size FOR UPDATE SKIP LOCKED
""")


async def count_needed(connection: AsyncConnection, *, today: date) -> int:
    """How many pushes the plan must still allow this month, reminders and results not counted."""
    return int((await connection.execute(_NEEDED, {"today": today})).scalar_one())


async def lock_waiting(connection: AsyncConnection, *, size: int) -> Sequence[int]:
    """Notices that LINE has certainly not been given yet; answers to a chat are not among them."""
    return list((await connection.execute(_WAITING, {"size": size})).scalars())
