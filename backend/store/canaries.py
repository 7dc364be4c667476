"""SQL that chooses the customers of a batch who are charged first and alone."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.batch_counts import HELD_REQUESTS
from backend.store.batches import LiveBatch

# Spread over all customers and different each month, yet the same ones for the same day. Who was taken back or is held
# has a substitute.
_CHOOSE = text(f"""
WITH held AS MATERIALIZED ({HELD_REQUESTS})
UPDATE payment_attempt SET is_canary = true WHERE id IN (
  SELECT p.id FROM payment_attempt p
  JOIN payment_request r ON r.id = p.request_id JOIN account a ON a.id = r.account_id
  WHERE p.batch_id = :batch_id AND p.state = 'prepared' AND NOT p.is_canary AND r.id NOT IN (SELECT id FROM held)
  ORDER BY md5(CAST(:opened_on AS text) || ':' || a.customer_number), p.id
  LIMIT greatest(0, :canary_size - (
    SELECT count(*) FROM payment_attempt c
    WHERE c.batch_id = :batch_id AND c.is_canary AND c.state <> 'withdrawn'
      AND NOT (c.state = 'prepared' AND c.request_id IN (SELECT id FROM held)))))
RETURNING id
""")  # noqa: S608 - the query is ours


async def choose_canaries(connection: AsyncConnection, *, batch: LiveBatch) -> int:
    """Mark the customers who are charged first, spread evenly by a hash of day and customer number.

    As many as are missing, of those who may be charged; returns how many there were.
    """
    values = {"batch_id": batch.id, "opened_on": str(batch.opened_on), "canary_size": batch.canary_size}
    return len((await connection.execute(_CHOOSE, values)).all())
