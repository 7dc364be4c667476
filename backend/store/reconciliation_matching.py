"""SQL that holds the gateway's books against ours: what does not fit is listed, what fits again is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import ExceptionKind

BY_ITSELF = "reconcile"  # who closed an exception that a later run explained

# An open exception is looked at again however old it is: the scope reaches back behind all of them, and behind what
# they are about, which a walk from long ago on may have found.
_SCOPE = text("""
SELECT least(CAST(:since AS timestamptz),
  (SELECT min(least(found_at - interval '60 days', CAST(detail->>'at' AS timestamptz)))
   FROM reconciliation_exception WHERE resolved_at IS NULL))
""")

_FIND = text("""
CREATE TEMPORARY TABLE finding ON COMMIT DROP AS
WITH returned AS (
  SELECT charge_reference, sum(amount) AS amount FROM (
    SELECT charge_reference, amount FROM gateway_transaction
    WHERE gateway = :gateway AND kind = 'refund' AND occurred_at >= :scope
    UNION ALL SELECT charge_reference, amount FROM dispute WHERE gateway = :gateway AND state = 'lost') back
  GROUP BY charge_reference
), charge AS (
  SELECT t.line_reference, t.charge_reference, t.attempt_id, t.amount, t.occurred_at,
    coalesce(a.id, b.id) AS our_id, coalesce(a.state, b.state) AS state, coalesce(a.amount, b.amount) AS our_amount,
    coalesce(a.gateway_reference, b.gateway_reference) AS our_reference,
    coalesce(a.request_id, b.request_id) AS request_id,
    t.amount <= returned.amount AS is_returned
  FROM gateway_transaction t
  LEFT JOIN returned USING (charge_reference)
  LEFT JOIN payment_attempt a ON a.id = t.attempt_id
  LEFT JOIN payment_attempt b ON a.id IS NULL AND b.gateway_reference = t.charge_reference
  WHERE t.gateway = :gateway AND t.kind = 'charge' AND t.occurred_at >= :scope
), charge_finding AS (
  SELECT CASE
      WHEN our_id IS NULL THEN 'missing_locally'
      WHEN our_amount <> amount THEN 'amount_differs'
      WHEN is_returned THEN NULL
      WHEN state = 'succeeded' AND our_reference <> charge_reference THEN 'captured_twice'
      WHEN state <> 'succeeded' AND EXISTS (
        SELECT FROM payment_request_bill m JOIN bill ON bill.id = m.bill_id
        WHERE m.request_id = charge.request_id AND bill.state = 'paid') THEN 'captured_twice'
      WHEN state = 'withdrawn' OR state <> 'succeeded' AND occurred_at < :listed_before THEN 'state_differs'
    END AS kind,
    charge_reference AS reference, coalesce(our_id, attempt_id) AS attempt_id, request_id, amount,
    jsonb_strip_nulls(jsonb_build_object(
      'charge', charge_reference, 'state', state, 'ours', our_amount, 'gateway', amount, 'our_charge', our_reference,
      'at', occurred_at)) AS detail
  FROM charge
), lost AS (
  SELECT 'missing_at_gateway' AS kind, CAST(a.id AS text) AS reference, a.id AS attempt_id, a.request_id, a.amount,
    jsonb_build_object('charge', a.gateway_reference, 'at', a.settled_at) AS detail
  FROM payment_attempt a
  WHERE a.state = 'succeeded' AND a.gateway = :gateway AND a.settled_at >= :scope AND a.settled_at < :listed_before
    AND a.settled_at >= (
      SELECT least(min(since), CAST(:since AS timestamptz)) FROM reconciliation_run WHERE gateway = :gateway)
    AND NOT EXISTS (SELECT FROM gateway_transaction t WHERE t.attempt_id = a.id AND t.kind = 'charge')
    AND NOT EXISTS (
      SELECT FROM gateway_transaction t WHERE t.charge_reference = a.gateway_reference AND t.kind = 'charge')
), back AS (
  SELECT CASE WHEN r.id IS NOT NULL THEN 'amount_differs' WHEN t.kind = 'refund' THEN 'foreign_refund'
      ELSE 'dispute' END AS kind,
    t.gateway_reference AS reference, a.id AS attempt_id, a.request_id, t.amount,
    jsonb_strip_nulls(jsonb_build_object(
      'charge', t.charge_reference, 'ours', r.amount, 'gateway', t.amount, 'at', t.occurred_at)) AS detail
  FROM gateway_transaction t
  LEFT JOIN payment_attempt a ON a.gateway_reference = t.charge_reference
  LEFT JOIN refund r ON r.gateway_reference = t.gateway_reference AND r.state = 'succeeded'
  LEFT JOIN dispute d ON d.gateway = t.gateway AND d.gateway_reference = t.gateway_reference
  WHERE t.gateway = :gateway AND t.kind IN ('refund', 'dispute') AND t.occurred_at >= :scope
    AND d.id IS NULL AND (r.id IS NULL OR r.amount <> t.amount)
), unpaid AS (
  SELECT 'not_settled' AS kind, t.line_reference AS reference, t.attempt_id, a.request_id, t.amount,
    jsonb_build_object('charge', t.charge_reference, 'at', t.occurred_at) AS detail
  FROM gateway_transaction t LEFT JOIN payment_attempt a ON a.id = t.attempt_id
  WHERE t.gateway = :gateway AND t.kind = 'charge' AND t.occurred_at >= :scope AND t.occurred_at < :settled_before
    AND NOT EXISTS (
      SELECT FROM settlement_line s WHERE s.gateway = t.gateway AND s.line_reference = t.line_reference)
), payout AS (
  SELECT CASE WHEN t.line_reference IS NULL THEN 'settled_unseen' ELSE 'amount_differs' END AS kind,
    s.line_reference AS reference, s.attempt_id, a.request_id, s.amount,
    jsonb_strip_nulls(jsonb_build_object(
      'payout', s.settlement_reference, 'paid_out', s.amount, 'moved', t.amount,
      'charge', s.charge_reference)) AS detail
  FROM settlement_line s
  LEFT JOIN gateway_transaction t ON t.gateway = s.gateway AND t.line_reference = s.line_reference
  LEFT JOIN payment_attempt a ON a.id = s.attempt_id
  WHERE s.gateway = :gateway AND s.first_seen_at >= :scope AND t.amount IS DISTINCT FROM s.amount
)
SELECT f.*, r.account_id, r.order_number
FROM (
  SELECT * FROM charge_finding WHERE kind IS NOT NULL UNION ALL SELECT * FROM lost UNION ALL SELECT * FROM back
  UNION ALL SELECT * FROM unpaid UNION ALL SELECT * FROM payout
) f LEFT JOIN payment_request r ON r.id = f.request_id
""")

# What a person has ended with a note is not found a second time. A charge that the books have and that we do not hold
# for paid could be taken once more: its account is neither asked nor charged until somebody has looked.
_LIST = text("""
WITH listed AS (
  INSERT INTO reconciliation_exception
    (kind, reference, attempt_id, account_id, order_number, amount, detail, is_blocking, found_at)
  SELECT kind, reference, attempt_id, account_id, order_number, amount, detail,
    kind IN ('missing_locally', 'state_differs'), :now
  FROM finding f
  WHERE NOT EXISTS (
    SELECT FROM reconciliation_exception x
    WHERE x.kind = f.kind AND x.reference = f.reference AND x.resolved_at IS NOT NULL AND x.resolved_by <> :by_itself)
  ON CONFLICT (kind, reference) WHERE resolved_at IS NULL DO NOTHING
  RETURNING *
), told AS (
  INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
  SELECT 'reconciliation_exception', 'reconciliation_exception:' || id, account_id,
    jsonb_strip_nulls(jsonb_build_object('exception', id, 'kind', kind, 'reference', reference,
      'order_number', order_number, 'amount', amount)) || detail, :now
  FROM listed
  ON CONFLICT (dedupe_key) DO NOTHING
)
SELECT count(*) FROM listed
""")

_EXPLAIN = text("""
WITH explained AS (
  UPDATE reconciliation_exception x
  SET resolved_at = :now, resolved_by = :by_itself, note = 'a later run found the explanation'
  WHERE x.resolved_at IS NULL
    AND NOT EXISTS (SELECT FROM finding f WHERE f.kind = x.kind AND f.reference = x.reference)
  RETURNING x.id
), done AS (
  UPDATE staff_task t SET done_at = :now FROM explained
  WHERE t.dedupe_key = 'reconciliation_exception:' || explained.id AND t.done_at IS NULL
)
SELECT count(*) FROM explained
""")

_COUNT_MATCHED = text("""
SELECT count(*) FROM gateway_transaction t
WHERE t.gateway = :gateway AND t.occurred_at >= :since
  AND NOT EXISTS (
    SELECT FROM finding f WHERE f.reference IN (t.gateway_reference, t.line_reference) AND f.kind <> 'not_settled')
""")

_OPEN = text("""
SELECT id, kind, reference, attempt_id, account_id, order_number, amount, detail, is_blocking, found_at, accepted_at,
  accepted_by
FROM reconciliation_exception WHERE resolved_at IS NULL AND id > :after ORDER BY id LIMIT :size
""")

_DESCRIBE = text("""
UPDATE reconciliation_exception
SET order_number = coalesce(:order_number, order_number), account_id = coalesce(:account_id, account_id),
  detail = detail || jsonb_build_object('why', CAST(:why AS text))
WHERE kind = 'missing_locally' AND reference = :reference AND resolved_at IS NULL
""")

_UNDESCRIBED = text("""
SELECT reference FROM reconciliation_exception
WHERE kind = 'missing_locally' AND resolved_at IS NULL AND order_number IS NULL AND NOT detail ? 'why'
ORDER BY id LIMIT 200
""")

_ACCEPT = text("""
UPDATE reconciliation_exception SET accepted_at = :now, accepted_by = :by, note = :note, is_blocking = true
WHERE id = :id AND resolved_at IS NULL AND accepted_at IS NULL RETURNING id
""")

_RESOLVE = text("""
WITH resolved AS (
  UPDATE reconciliation_exception SET resolved_at = :now, resolved_by = :by, note = :note
  WHERE id = :id AND resolved_at IS NULL RETURNING id
), done AS (
  UPDATE staff_task t SET done_at = :now FROM resolved
  WHERE t.dedupe_key = 'reconciliation_exception:' || resolved.id AND t.done_at IS NULL
)
SELECT id FROM resolved
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """How the books compare: movements of the walked time that fit, exceptions that are new, and that ended."""

    fitting: int
    listed: int
    explained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenException:
    """One thing that does not fit. While it is open and blocking, nothing of its account is charged."""

    id: int
    kind: ExceptionKind
    reference: str
    attempt_id: UUID | None
    account_id: int | None
    order_number: str | None
    amount: int | None
    detail: Mapping[str, object]
    is_blocking: bool
    found_at: datetime
    accepted_at: datetime | None
    accepted_by: str | None


async def match(
    connection: AsyncConnection,
    *,
    gateway: str,
    since: datetime,
    scope: datetime,
    listed_before: datetime,
    settled_before: datetime,
    is_complete: bool,
    now: datetime,
) -> Matched:
    """Compare everything from `scope` on in a few statements, and count the movements from `since` on.

    What happened after `listed_before` may not be listed yet; what was taken before `settled_before` is paid out.
    Only a look that `is_complete`, up to now, may end exceptions: another one does not find the newer ones.
    """
    reach = (await connection.execute(_SCOPE, {"since": scope})).scalar_one()
    values = {
        "gateway": gateway,
        "since": since,
        "scope": reach,
        "listed_before": listed_before,
        "settled_before": settled_before,
    }
    await connection.execute(_FIND, values)
    noted = {"now": now, "by_itself": BY_ITSELF}
    listed = (await connection.execute(_LIST, noted)).scalar_one()
    explained = (await connection.execute(_EXPLAIN, noted)).scalar_one() if is_complete else 0
    fitting = (await connection.execute(_COUNT_MATCHED, {"gateway": gateway, "since": since})).scalar_one()
    return Matched(fitting=fitting, listed=listed, explained=explained)


async def open_exceptions(connection: AsyncConnection, *, after: int = 0, size: int = 1000) -> Sequence[OpenException]:
    """What nobody and nothing has explained yet, oldest first."""
    rows = (await connection.execute(_OPEN, {"after": after, "size": size})).mappings()
    return [OpenException(**{**row, "kind": ExceptionKind(row["kind"])}) for row in rows]


async def describe_missing(
    connection: AsyncConnection, *, reference: str, order_number: str | None, account_id: int | None, why: str
) -> None:
    """Say whose a charge is that we do not have, and why it was not imported; its account is not charged meanwhile."""
    values = {"reference": reference, "order_number": order_number, "account_id": account_id, "why": why}
    await connection.execute(_DESCRIBE, values)


async def undescribed(connection: AsyncConnection) -> list[str]:
    """Charges on the list of which nothing has been found out yet."""
    return list((await connection.execute(_UNDESCRIBED)).scalars())


async def accept_exception(
    connection: AsyncConnection, *, exception_id: int, by: str, note: str, now: datetime
) -> bool:
    """Let the gate open although this is not explained; its account stays uncharged. False: not open, or accepted."""
    values = {"id": exception_id, "by": by, "note": note, "now": now}
    return (await connection.execute(_ACCEPT, values)).one_or_none() is not None


async def resolve_exception(
    connection: AsyncConnection, *, exception_id: int, by: str, note: str, now: datetime
) -> bool:
    """A person has settled it; its account is charged again. False when it was not open."""
    values = {"id": exception_id, "by": by, "note": note, "now": now}
    return (await connection.execute(_RESOLVE, values)).one_or_none() is not None
