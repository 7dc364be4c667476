"""SQL for attempts to move money: claimed per bill, sent by one worker at a time, ended only by evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptOrigin, AttemptState
from backend.store.unwanted_charges import HAS_REFUSED_CARD, IS_UNWANTED, refusal_limits

_LOCK = text("""
SELECT id FROM payment_request
WHERE id = ANY(:request_ids) AND state = 'open' AND valid_until > :now
  AND (CAST(:origin AS text) = 'automatic'
    OR NOT EXISTS (SELECT FROM charging_stop WHERE scope = 'all' AND lifted_at IS NULL))
  AND NOT EXISTS (SELECT FROM reconciliation_exception x
                  WHERE x.account_id = payment_request.account_id AND x.resolved_at IS NULL AND x.is_blocking)
ORDER BY id FOR UPDATE
""")

# A statement of its own after the lock: its snapshot sees what the last holder of the lock committed. Earlier tries are
# looked up once, and all is chosen (sorted) before the first row is written: while a month is opened, the table is far
# larger than its statistics say. CASE spares nearly everybody the function, which is dear.
_PREPARE = text("""
WITH tried AS MATERIALIZED (
  SELECT request_id, count(*) AS tries,
    bool_or(state IN ('prepared', 'sent', 'challenged', 'unknown', 'succeeded')) AS is_taken
  FROM payment_attempt WHERE request_id = ANY(:request_ids) GROUP BY request_id
), numbered AS (
  SELECT r.*, 1 + coalesce(t.tries, 0) AS ordinal
  FROM payment_request r LEFT JOIN tried t ON t.request_id = r.id
  WHERE r.id = ANY(:request_ids) AND NOT coalesce(t.is_taken, false)
), ready AS (
  SELECT gen_random_uuid() AS id, r.id AS request_id, r.order_number, r.amount, c.id AS card_id, c.gateway,
    c.customer_reference, c.card_reference, r.ordinal
  FROM numbered r
  JOIN card_on_file c ON c.account_id = r.account_id
    AND (c.id = :card_id AND c.state <> 'unusable' OR CAST(:card_id AS bigint) IS NULL AND c.state = 'active')
  WHERE CASE WHEN EXISTS (
      SELECT FROM card_on_file same JOIN payment_attempt p ON p.card_id = same.id AND p.state = 'declined'
      WHERE same.gateway = c.gateway AND same.fingerprint = c.fingerprint)
    THEN NOT is_refused_card(c.account_id, c.gateway, c.fingerprint, :declines_since, :most_declines) ELSE true END
    AND (CAST(:transaction_id AS text) IS NULL
      OR CAST(:transaction_id AS text) = r.order_number || '-' || lpad(r.ordinal::text, 2, '0'))
    -- What a page showed is what its bills sum up to, or nothing is charged (invariant 6). An opening has just summed.
    AND CASE CAST(:origin AS text) WHEN 'link' THEN EXISTS (
      SELECT FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id WHERE m.request_id = r.id
      HAVING sum(b.amount) = r.amount AND bool_and(m.is_live AND b.state = 'requested')) ELSE true END
    AND (CAST(:origin AS text) <> 'automatic'
      OR NOT EXISTS (SELECT FROM dispute d WHERE d.account_id = r.account_id AND d.state = 'open'))
  ORDER BY r.id
), prepared AS (
  INSERT INTO payment_attempt (id, request_id, ordinal, transaction_id, origin, state, card_id, amount, gateway,
    charge_request, created_at, not_before, lease_until, batch_id)
  SELECT id, request_id, ordinal, order_number || '-' || lpad(ordinal::text, 2, '0'), :origin, 'prepared',
    card_id, amount, gateway,
    jsonb_strip_nulls(jsonb_build_object('customer', customer_reference, 'card', card_reference,
      'amount', amount, 'currency', 'jpy', 'reference', order_number,
      'transaction_id', order_number || '-' || lpad(ordinal::text, 2, '0'),
      'present', CAST(:origin AS text) = 'link', 'metadata', jsonb_build_object('attempt_id', id),
      'return_url', CASE CAST(:origin AS text) WHEN 'link' THEN :base_url || '/pay/' || order_number || '/done' END)),
    :now, :not_before, clock_timestamp() + make_interval(secs => :lease_seconds), :batch_id
  FROM ready
  RETURNING id, request_id
), claims AS (
  INSERT INTO bill_claim (bill_id, attempt_id)
  SELECT m.bill_id, p.id FROM prepared p JOIN payment_request_bill m ON m.request_id = p.request_id
)
SELECT id FROM prepared
""")

# What waited beyond its request's last day is not sent any more (R05); the closing takes it back. A batch's charges
# wait in lanes of their own: only those of a batch that may go are looked at, its canaries first and alone. Lane 0
# holds what belongs to no batch: a press whose process died. Whether one is unwanted by now is asked of the few that
# are due: it is not sent, and its request is told of.
_TAKE = text(f"""
WITH lane AS MATERIALIZED (
  SELECT 0 AS batch_id, false AS is_canary
  UNION ALL
  SELECT b.id, c.is_canary FROM charge_batch b CROSS JOIN (VALUES (true), (false)) c(is_canary)
  WHERE (b.state = 'running' OR b.state = 'canary' AND c.is_canary)
    AND NOT EXISTS (SELECT FROM charging_stop s WHERE s.lifted_at IS NULL)
), due AS MATERIALIZED (
  SELECT waiting.id FROM lane CROSS JOIN LATERAL (
    SELECT p.id FROM payment_attempt p
    WHERE p.state = 'prepared' AND coalesce(p.batch_id, 0) = lane.batch_id AND p.is_canary = lane.is_canary
      AND p.not_before <= :now AND (p.lease_until IS NULL OR p.lease_until < clock_timestamp())
      AND EXISTS (SELECT FROM payment_request r
                  WHERE r.id = p.request_id AND r.state = 'open' AND r.valid_until > :now
                  AND NOT EXISTS (SELECT FROM reconciliation_exception x WHERE x.account_id = r.account_id
                                  AND x.resolved_at IS NULL AND x.is_blocking))
      AND NOT EXISTS (SELECT FROM charging_stop s
                      WHERE s.lifted_at IS NULL AND (s.scope = 'all' OR p.origin = s.scope))
    ORDER BY p.not_before, p.id LIMIT :size FOR UPDATE SKIP LOCKED
  ) waiting WHERE NOT (SELECT database_has_moved()) LIMIT :size
), judged AS MATERIALIZED (
  SELECT p.id, p.request_id, {IS_UNWANTED} AS is_unwanted
  FROM due JOIN payment_attempt p ON p.id = due.id JOIN payment_request r ON r.id = p.request_id
), taken AS (
  UPDATE payment_attempt SET state = 'sent', first_sent_at = :now, witnessed_at = clock_timestamp(),
    next_check_at = :check_at, lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
  FROM judged WHERE payment_attempt.id = judged.id AND NOT is_unwanted
  RETURNING payment_attempt.id, payment_attempt.request_id, charge_request
)
SELECT id, request_id, charge_request, false AS is_unwanted FROM taken
UNION ALL
SELECT p.id, p.request_id, p.charge_request, true
FROM judged JOIN payment_attempt p ON p.id = judged.id WHERE is_unwanted
""")  # noqa: S608 - the condition is ours

_TAKE_ONE = text(f"""
UPDATE payment_attempt p SET state = 'sent', first_sent_at = :now, witnessed_at = clock_timestamp(),
  next_check_at = :check_at, lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE id = :attempt_id AND state = 'prepared' AND NOT {HAS_REFUSED_CARD}
  AND NOT EXISTS (SELECT FROM charging_stop WHERE scope = 'all' AND lifted_at IS NULL)
  AND NOT (SELECT database_has_moved())
RETURNING id, charge_request
""")  # noqa: S608 - the condition is ours

# `sent` whose lease is over had its worker die or its answer lost: the same as unknown. The time of the next look
# stays as it is until there is an answer: who dies while asking leaves an attempt that is still due.
_TAKE_UNRESOLVED = text("""
UPDATE payment_attempt SET checks = checks + 1,
  lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE id IN (
  SELECT id FROM payment_attempt
  WHERE state IN ('sent', 'unknown', 'challenged') AND (lease_until IS NULL OR lease_until < clock_timestamp())
    AND (next_check_at <= :now OR id = :attempt_id)
    AND (CAST(:attempt_id AS uuid) IS NULL OR id = :attempt_id)
  ORDER BY next_check_at LIMIT :size FOR UPDATE SKIP LOCKED)
RETURNING id, charge_request, state, first_sent_at, checks, gateway_reference,
  clock_timestamp() - coalesce(witnessed_at, first_sent_at) AS witnessed_age,
  EXISTS (SELECT FROM payment_request r WHERE r.id = request_id AND r.state = 'settled') AS is_paid_otherwise
""")

_LOOK = text("SELECT id, charge_request, state FROM payment_attempt WHERE id = :attempt_id")


class AlreadyBeingPaidError(Exception):
    """Another attempt holds one of the bills; look at the page again, it tells what is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendableAttempt:
    """An attempt whose intent to send is committed: the caller may call the gateway."""

    id: UUID
    charge_request: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAttempt(SendableAttempt):
    """An attempt whose turn it is: sendable unless nobody may charge it unasked any more."""

    request_id: int
    is_unwanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedAttempt:
    """An attempt that was sent and has no final answer; `checks` counts this look too.

    `witnessed_age` is the time since the first sending by the database's clock alone, whatever ours said or says.
    `is_paid_otherwise`: its request was settled by other money, which came late.
    """

    id: UUID
    charge_request: Mapping[str, object]
    state: AttemptState
    first_sent_at: datetime
    checks: int
    gateway_reference: str | None
    witnessed_age: timedelta
    is_paid_otherwise: bool


async def prepare_attempts(
    connection: AsyncConnection,
    *,
    request_ids: Sequence[int],
    origin: AttemptOrigin,
    card_id: int | None,
    now: datetime,
    not_before: datetime,
    lease_seconds: int,
    base_url: str,
    transaction_id: str | None = None,
    batch_id: int | None = None,
) -> list[UUID]:
    """Claim every bill of these open requests and write the attempt, frozen (T1). One or a month of them alike.

    `card_id` None means each account's active card. `lease_seconds` keeps workers away while the caller sends itself.
    `base_url` is where a payer comes back to after authenticating. With `transaction_id`, nothing is prepared unless
    the next try would carry it: a second press of one page is not a second try. A dead card is never charged.
    What belongs to a batch goes when the batch may go.

    Raises:
        AlreadyBeingPaidError: the database refused a second claim; roll the transaction back.
    """
    wanted = {"request_ids": list(request_ids), "origin": origin, "now": now}
    locked = list((await connection.execute(_LOCK, wanted)).scalars())
    values = {
        "request_ids": locked,
        "origin": origin,
        "card_id": card_id,
        "now": now,
        "not_before": not_before,
        "lease_seconds": lease_seconds,
        "base_url": base_url,
        "transaction_id": transaction_id,
        "batch_id": batch_id,
        **refusal_limits(now),
    }
    try:
        return list((await connection.execute(_PREPARE, values)).scalars())
    except IntegrityError as refusal:
        raise AlreadyBeingPaidError from refusal


async def take_prepared(
    connection: AsyncConnection, *, now: datetime, check_at: datetime, size: int, lease_seconds: int
) -> list[DueAttempt]:
    """Mark prepared attempts that are due as sent, unless nobody wants them; commit before calling the gateway.

    An unwanted one stays as it is and locked: it is to be taken back in the same transaction.
    """
    values = {"now": now, "check_at": check_at, "size": size, "lease_seconds": lease_seconds, **refusal_limits(now)}
    rows = (await connection.execute(_TAKE, values)).mappings()
    return [DueAttempt(**row) for row in rows]


async def take_one(
    connection: AsyncConnection, *, attempt_id: UUID, now: datetime, check_at: datetime, lease_seconds: int
) -> SendableAttempt | None:
    """Mark this attempt as sent; None when somebody else has, or when it may not be sent any more."""
    wanted = {"attempt_id": attempt_id, "now": now, "check_at": check_at, "lease_seconds": lease_seconds}
    values = wanted | refusal_limits(now)
    row = (await connection.execute(_TAKE_ONE, values)).mappings().one_or_none()
    return SendableAttempt(**row) if row else None


async def take_unresolved(
    connection: AsyncConnection,
    *,
    now: datetime,
    size: int,
    lease_seconds: int,
    attempt_id: UUID | None = None,
) -> list[UnresolvedAttempt]:
    """Take attempts whose outcome is open and due to be asked about; with `attempt_id`, that one whether due or not."""
    values = {"now": now, "size": size, "lease_seconds": lease_seconds, "attempt_id": attempt_id}
    rows = (await connection.execute(_TAKE_UNRESOLVED, values)).mappings()
    return [UnresolvedAttempt(**{**row, "state": AttemptState(row["state"])}) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAttempt:
    """An attempt as it stands, not locked."""

    id: UUID
    charge_request: Mapping[str, object]
    state: AttemptState


async def find_attempt(connection: AsyncConnection, *, attempt_id: UUID) -> KnownAttempt | None:
    """An attempt by its id; None when it is not ours."""
    row = (await connection.execute(_LOOK, {"attempt_id": attempt_id})).mappings().one_or_none()
    return KnownAttempt(**{**row, "state": AttemptState(row["state"])}) if row else None
