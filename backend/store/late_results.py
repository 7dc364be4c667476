"""SQL for completions whose payer does not wait at the page any more: news for the morning, not for the night (R04)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LONG_PRESSED = text("""
SELECT n.id FROM notice n
WHERE n.id = ANY(:ids) AND NOT EXISTS (
  SELECT FROM payment_attempt p
  WHERE p.request_id = n.request_id AND p.state = 'succeeded' AND p.created_at > :pressed_before)
""")


async def find_long_pressed(
    connection: AsyncConnection, *, notice_ids: Sequence[int], pressed_before: datetime
) -> list[int]:
    """Those of these completions whose payers pressed お支払い before that, and do not wait at the page any more."""
    if not notice_ids:
        return []
    values = {"ids": list(notice_ids), "pressed_before": pressed_before}
    return list((await connection.execute(_LONG_PRESSED, values)).scalars())
