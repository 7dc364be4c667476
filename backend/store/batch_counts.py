"""SQL that counts what has become of a batch of automatic charges, and when something last did."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.batch_brake import BatchCounts

# Requests whose charges may not go although their batch may: an exception of their account waits for people.
HELD_REQUESTS = """
SELECT r.id FROM reconciliation_exception x JOIN payment_request r ON r.account_id = x.account_id AND r.state = 'open'
WHERE x.resolved_at IS NULL AND x.is_blocking"""

# Outcomes from the last resume on: what people have looked at stops nothing a second time. A canary that is held or was
# taken back proves nothing, and is not waited for.
_COUNT = text(f"""
WITH held AS MATERIALIZED ({HELD_REQUESTS}), tried AS (
  SELECT p.state, p.decline_class, p.state = 'prepared' AND p.request_id IN (SELECT id FROM held) AS is_held,
    p.is_canary AND NOT (p.state = 'prepared' AND p.request_id IN (SELECT id FROM held)) AS is_canary,
    p.state IN ('succeeded', 'declined') AND p.settled_at > coalesce(b.counted_from, '-infinity') AS is_settled,
    coalesce(p.errored_at > coalesce(b.counted_from, '-infinity'), false) AS is_errored
  FROM payment_attempt p JOIN charge_batch b ON b.id = p.batch_id
  WHERE p.batch_id = :batch_id AND p.state <> 'withdrawn'
)
SELECT count(*) AS attempts,
  count(*) FILTER (WHERE state = 'prepared') AS waiting,
  count(*) FILTER (WHERE is_held) AS held,
  count(*) FILTER (WHERE state = 'sent') AS under_way,
  count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
  count(*) FILTER (WHERE is_canary) AS canaries,
  count(*) FILTER (WHERE is_canary AND state IN ('prepared', 'sent')) AS open_canaries,
  count(*) FILTER (WHERE is_settled OR is_errored) AS outcomes,
  count(*) FILTER (WHERE is_settled AND state = 'declined' AND decline_class IN ('soft', 'new_card', 'never'))
    AS declined,
  count(*) FILTER (WHERE is_errored OR is_settled AND state = 'declined' AND decline_class = 'ours') AS faults
FROM tried
""")  # noqa: S608 - the query is ours

# What waits for its hour moves then; what a stop held up moves after its lift.
_LAST_MOVE = text("""
SELECT greatest(b.created_at, b.canary_passed_at, b.counted_from, max(p.first_sent_at), max(p.settled_at),
  max(p.errored_at), min(p.not_before) FILTER (WHERE p.state = 'prepared'),
  (SELECT max(lifted_at) FROM charging_stop))
FROM charge_batch b LEFT JOIN payment_attempt p ON p.batch_id = b.id WHERE b.id = :batch_id GROUP BY b.id
""")


async def count(connection: AsyncConnection, *, batch_id: int) -> BatchCounts:
    """How a batch stands."""
    row = (await connection.execute(_COUNT, {"batch_id": batch_id})).mappings().one()
    return BatchCounts(**row)


async def last_move(connection: AsyncConnection, *, batch_id: int) -> datetime:
    """When something of a batch was last sent or answered, or could have been for the first time."""
    moved_at: datetime = (await connection.execute(_LAST_MOVE, {"batch_id": batch_id})).scalar_one()
    return moved_at
