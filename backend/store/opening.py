"""Set-based SQL that turns confirmed bills into payment requests, a chunk of accounts at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = text("SELECT pg_advisory_xact_lock(7306002)")  # one opening at a time, whoever asks
_LOCK_AT_ONCE = text("SELECT pg_try_advisory_xact_lock(7306002)")

# Tables grow so fast while a month is opened that a plan made for the first chunk ruins the later ones, and that a
# table which was empty when a statement was planned is not when it ends: no plan may rest on that.
_PLAN_AFRESH = text("""
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)
""")

# Carried-over bills wait for the month's own bill (R06) and go alone only when no later day would be fair. A claimed
# bill is being paid another way (a receipt waits for approval): nobody asks for it.
_CANDIDATES = text("""
SELECT account_id FROM bill
WHERE state IN ('finalized', 'carried_over') AND confirmed_on <= :today AND account_id > :after
  AND NOT EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = bill.id)
  AND NOT EXISTS (SELECT FROM reconciliation_exception x
                  WHERE x.account_id = bill.account_id AND x.resolved_at IS NULL AND x.is_blocking)
GROUP BY account_id
HAVING bool_or(state = 'finalized') OR :is_last_opening_day
ORDER BY account_id
LIMIT :size
""")

_LOCK_OPEN = text("""
SELECT id FROM payment_request WHERE state = 'open' AND account_id = ANY(:account_ids) ORDER BY id FOR UPDATE
""")

# A statement of its own after the lock: its snapshot sees the attempt of the press that held the lock before us (f35).
# A receipt that waits for approval is a payment under way too.
_OPEN_AND_LOCKED = text("""
SELECT r.id, r.account_id,
  EXISTS (SELECT FROM payment_attempt a WHERE a.request_id = r.id
          AND a.state IN ('prepared', 'sent', 'challenged', 'unknown'))
  OR EXISTS (SELECT FROM payment_request_bill m JOIN bill_claim c ON c.bill_id = m.bill_id
             WHERE m.request_id = r.id AND c.receipt_id IS NOT NULL) AS is_busy
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
    CASE WHEN c.id IS NOT NULL AND ch.id IS NULL AND NOT EXISTS (
      SELECT FROM dispute d WHERE d.account_id = g.account_id AND d.state = 'open') THEN 'automatic' ELSE 'link' END,
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

# What the account would be asked for: its waiting bills, and those of the request that would be replaced.
_OUT_OF_BOUNDS = text("""
WITH together AS (
  SELECT account_id, sum(amount) AS amount FROM (
    SELECT account_id, amount FROM bill
    WHERE account_id = ANY(:account_ids) AND state IN ('finalized', 'carried_over') AND confirmed_on <= :today
      AND NOT EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = bill.id)
    UNION ALL
    SELECT b.account_id, b.amount FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id
    WHERE m.request_id = ANY(:replaceable) AND m.is_live AND b.state = 'requested'
  ) asked
  GROUP BY account_id HAVING sum(amount) NOT BETWEEN :min_yen AND :max_yen
), listed AS (
  INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
  SELECT 'amount_out_of_bounds', 'amount_out_of_bounds:' || account_id || ':' || CAST(:today AS date), account_id,
    jsonb_build_object('amount', amount), :now
  FROM together
  ON CONFLICT (dedupe_key) DO NOTHING
)
SELECT account_id, amount FROM together
""")


class OpeningUnderWayError(Exception):
    """Somebody holds the opening lock; roll back, wait for it with nothing in hand, and begin again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The requests that one chunk opened, by the way they will be paid."""

    by_link: tuple[int, ...]
    automatic: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequests:
    """Open requests of some accounts: those that a new one may replace, by account; accounts that are paying now."""

    replaceable: Mapping[int, int]
    busy: frozenset[int]


async def lock_opening(connection: AsyncConnection) -> None:
    """Wait until no other transaction is opening requests.

    Call before the first row is locked. The opening's lanes wait for rows while another connection of it holds this
    lock: PostgreSQL does not see that circle, and only the time limit of a command would end it.
    """
    await connection.execute(_LOCK)


async def lock_opening_at_once(connection: AsyncConnection) -> None:
    """Take the opening lock from a transaction that holds rows already.

    Raises:
        OpeningUnderWayError: somebody has it.
    """
    if not (await connection.execute(_LOCK_AT_ONCE)).scalar_one():
        raise OpeningUnderWayError


async def plan_afresh(connection: AsyncConnection) -> None:
    """Plan every statement of this transaction by the tables as they are now, and by their indexes."""
    await connection.execute(_PLAN_AFRESH)


async def find_candidates(
    connection: AsyncConnection, *, today: date, is_last_opening_day: bool, after: int, size: int
) -> list[int]:
    """The next accounts with bills to request, in the order of their ids."""
    found = await connection.execute(
        _CANDIDATES,
        {"today": today, "is_last_opening_day": is_last_opening_day, "after": after, "size": size},
    )
    return list(found.scalars())


async def lock_open_requests(connection: AsyncConnection, *, account_ids: Sequence[int]) -> OpenRequests:
    """Lock the accounts' open requests, and tell those that may be replaced from those being paid."""
    locked = list((await connection.execute(_LOCK_OPEN, {"account_ids": list(account_ids)})).scalars())
    rows = (await connection.execute(_OPEN_AND_LOCKED, {"locked": locked})).all()
    return OpenRequests(
        replaceable={row.account_id: row.id for row in rows if not row.is_busy},
        busy=frozenset(row.account_id for row in rows if row.is_busy),
    )


async def list_out_of_bounds(
    connection: AsyncConnection,
    *,
    account_ids: Sequence[int],
    replaceable: Sequence[int],
    today: date,
    now: datetime,
    yen_bounds: tuple[int, int],
) -> dict[int, int]:
    """Accounts whose sum the gateway would not take, with the sum in yen; each becomes a task for people.

    The sum counts the bills of the `replaceable` requests too. To be asked before one of those is voided: who cannot
    be asked for all of it keeps the URL that he has.
    """
    values = {
        "account_ids": list(account_ids),
        "replaceable": list(replaceable),
        "today": today,
        "now": now,
        "min_yen": yen_bounds[0],
        "max_yen": yen_bounds[1],
    }
    return {row.account_id: int(row.amount) for row in await connection.execute(_OUT_OF_BOUNDS, values)}


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

    A sum outside `yen_bounds` (the gateway's limits) stays waiting.
    """
    values = {
        "account_ids": list(account_ids),
        "today": today,
        "now": now,
        "valid_until": valid_until,
        "min_yen": yen_bounds[0],
        "max_yen": yen_bounds[1],
    }
    rows = (await connection.execute(_OPEN, values)).all()
    return Opened(
        by_link=tuple(row.id for row in rows if row.way == "link"),
        automatic=tuple(row.id for row in rows if row.way == "automatic"),
    )
