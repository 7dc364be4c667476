"""Set-based SQL that turns confirmed bills into payment requests, a chunk of accounts at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = text("SELECT pg_advisory_xact_lock(7306002)")  # one opening at a time, whoever asks

# Carried-over bills wait for the month's own bill (R06) and go alone only when no later day would be fair.
_CANDIDATES = text("""
SELECT account_id FROM bill
WHERE state IN ('finalized', 'carried_over') AND confirmed_on <= :today AND account_id > :after
GROUP BY account_id
HAVING bool_or(state = 'finalized') OR :is_last_opening_day
ORDER BY account_id
LIMIT :size
""")

_LOCK_OPEN = text("""
SELECT id FROM payment_request WHERE state = 'open' AND account_id = ANY(:account_ids) ORDER BY id FOR UPDATE
""")

# A statement of its own after the lock: its snapshot sees the attempt of the press that held the lock before us (f35).
_OPEN_AND_LOCKED = text("""
SELECT r.id, r.account_id,
  EXISTS (SELECT FROM payment_attempt a WHERE a.request_id = r.id
          AND a.state IN ('prepared', 'sent', 'challenged', 'unknown')) AS is_busy
FROM payment_request r WHERE r.id = ANY(:locked) AND r.state = 'open'
""")

_OPEN = text("""
WITH waiting AS (
  SELECT id, account_id, amount, billing_month, state FROM bill
  WHERE account_id = ANY(:account_ids) AND state IN ('finalized', 'carried_over') AND confirmed_on <= :today
    AND NOT EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = bill.id)
  ORDER BY id FOR UPDATE
), grouped AS (
  SELECT account_id, sum(amount) AS amount, count(*) AS bill_count,
         bool_or(state = 'carried_over') AS has_carried
  FROM waiting GROUP BY account_id
  HAVING sum(amount) BETWEEN :min_yen AND :max_yen
), opened AS (
  INSERT INTO payment_request
    (account_id, order_number, amount, bill_count, state, way, carry_over_reason, card_change_id, opened_at,
     valid_until)
  SELECT g.account_id,
    to_char(CAST(:today AS date), 'YYMM') || lpad(nextval('order_serial')::text, 8, '0'),
    g.amount, g.bill_count, 'open',
    CASE WHEN c.id IS NOT NULL AND ch.id IS NULL THEN 'automatic' ELSE 'link' END,
    CASE WHEN g.has_carried THEN 'link_expired' WHEN g.bill_count > 1 THEN 'late_meter_reading' END,
    ch.id, :now, :valid_until
  FROM grouped g
  LEFT JOIN card_on_file c ON c.account_id = g.account_id AND c.state = 'active'
  LEFT JOIN card_change_request ch ON ch.account_id = g.account_id AND ch.state IN ('received', 'link_sent')
  RETURNING id, account_id, way, card_change_id
), members AS (
  INSERT INTO payment_request_bill (request_id, bill_id, is_live)
  SELECT o.id, w.id, true FROM opened o JOIN waiting w USING (account_id)
), requested AS (
  UPDATE bill SET state = 'requested' FROM waiting w JOIN opened o USING (account_id) WHERE bill.id = w.id
), changes AS (
  UPDATE card_change_request SET state = 'link_sent' FROM opened o WHERE card_change_request.id = o.card_change_id
)
SELECT id, way FROM opened
""")

_OUT_OF_BOUNDS = text("""
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'amount_out_of_bounds', 'amount_out_of_bounds:' || account_id || ':' || CAST(:today AS date), account_id,
  jsonb_build_object('amount', sum(amount)), :now
FROM bill
WHERE account_id = ANY(:account_ids) AND state IN ('finalized', 'carried_over') AND confirmed_on <= :today
GROUP BY account_id HAVING sum(amount) NOT BETWEEN :min_yen AND :max_yen
ON CONFLICT (dedupe_key) DO NOTHING
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The requests that one chunk opened, by the way they will be paid."""

    by_link: tuple[int, ...]
    automatic: tuple[int, ...]


async def lock_opening(connection: AsyncConnection) -> None:
    """Wait until no other transaction is opening requests."""
    await connection.execute(_LOCK)


async def find_candidates(
    connection: AsyncConnection, *, today: date, is_last_opening_day: bool, after: int, size: int
) -> list[int]:
    """The next accounts with bills to request, in the order of their ids."""
    found = await connection.execute(
        _CANDIDATES,
        {"today": today, "is_last_opening_day": is_last_opening_day, "after": after, "size": size},
    )
    return list(found.scalars())


async def lock_open_requests(connection: AsyncConnection, *, account_ids: Sequence[int]) -> tuple[list[int], set[int]]:
    """Lock the accounts' open requests: (requests that may be replaced, accounts whose payment is under way)."""
    locked = list((await connection.execute(_LOCK_OPEN, {"account_ids": list(account_ids)})).scalars())
    rows = (await connection.execute(_OPEN_AND_LOCKED, {"locked": locked})).all()
    return [row.id for row in rows if not row.is_busy], {row.account_id for row in rows if row.is_busy}


async def open_requests(
    connection: AsyncConnection,
    *,
    account_ids: Sequence[int],
    today: date,
    now: datetime,
    valid_until: datetime,
    yen_bounds: tuple[int, int],
) -> Opened:
    """Bundle every waiting bill of these accounts into one request an account (R03-R08).

    A sum outside `yen_bounds` (the gateway's limits) stays waiting and becomes a task for people.
    """
    bounds = {"min_yen": yen_bounds[0], "max_yen": yen_bounds[1]}
    common = {"account_ids": list(account_ids), "today": today, "now": now, **bounds}
    rows = (await connection.execute(_OPEN, {**common, "valid_until": valid_until})).all()
    await connection.execute(_OUT_OF_BOUNDS, common)
    return Opened(
        by_link=tuple(row.id for row in rows if row.way == "link"),
        automatic=tuple(row.id for row in rows if row.way == "automatic"),
    )
