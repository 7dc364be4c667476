"""SQL that takes back presses of お支払い which were not sent in time: their payers press again, or never."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.charging_stops import REMEMBERS_ALL
from backend.store.unwanted_charges import HAS_REFUSED_CARD, refusal_limits

PRESS_LIFE = timedelta(minutes=5)  # after that the payer has gone, and would be surprised by a charge

# A press that was not sent before everything was stopped is not sent hours later, when its payer is gone: it is taken
# back, also when the stop was lifted before anybody could look. So is one that a busy gateway kept waiting, and one
# whose card was refused for good meanwhile. The lease keeps the payer's own process undisturbed.
# A restored database does not know what has been sent: behind the gate only the process that pressed may say so.
_TAKE_BACK = text(f"""
WITH withdrawn AS (
  UPDATE payment_attempt p SET state = 'withdrawn', settled_at = :now, lease_until = NULL
  WHERE p.state = 'prepared' AND p.origin = 'link' AND coalesce(p.batch_id, 0) = 0 AND NOT p.is_canary
    AND (p.id = CAST(:attempt_id AS uuid)
      OR CAST(:attempt_id AS uuid) IS NULL AND (p.lease_until IS NULL OR p.lease_until < clock_timestamp())
        AND {REMEMBERS_ALL})
    AND (p.created_at <= :pressed_until OR {HAS_REFUSED_CARD}
      OR EXISTS (SELECT FROM charging_stop s
                 WHERE s.scope = 'all' AND (s.lifted_at IS NULL OR s.lifted_at > p.created_at)))
  RETURNING p.id, p.request_id
), released AS (
  DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
)
SELECT r.id FROM withdrawn JOIN payment_request r ON r.id = withdrawn.request_id
WHERE r.state = 'open' AND r.valid_until > :now
""")  # noqa: S608 - the condition is ours


async def take_back(connection: AsyncConnection, *, now: datetime, attempt_id: UUID | None = None) -> list[int]:
    """Take back presses that may not be sent any more; with `attempt_id` that one, else all that nobody works on.

    Returns their requests that can still be paid: nothing was charged, and their URLs are good.
    """
    values = {"now": now, "attempt_id": attempt_id, "pressed_until": now - PRESS_LIFE, **refusal_limits(now)}
    return list((await connection.execute(_TAKE_BACK, values)).scalars())
