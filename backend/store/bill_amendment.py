"""Replaces bills whose month was billed anew: the old row becomes void, a new one is written, its request is undone.

An amount never changes in place, and nothing is touched that money may be moving on.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.bill_refusal import Column, Refusal, RefusalCode
from backend.domain.states import LIVE_ATTEMPTS

# Requests before bills, as the payment takes them. Then once more: a request may have opened in between.
_LOCK_REQUESTS = """
SELECT r.id FROM payment_request r
WHERE r.id IN (
  SELECT held.request_id FROM payment_request_bill held JOIN import_match m ON m.bill_id = held.bill_id
  WHERE held.is_live AND m.code IN ('other_amount', 'other_values'))
ORDER BY r.id FOR UPDATE
"""
_LOCK_BILLS = """
SELECT b.id FROM bill b
WHERE b.id IN (SELECT bill_id FROM import_match WHERE code IN ('other_amount', 'other_values'))
ORDER BY b.id FOR UPDATE
"""

_UNAMENDABLE = """
WITH judged AS (
  SELECT m.line,
    CASE
      WHEN b.state IN ('paid', 'void') THEN 'already_paid'
      WHEN b.state = 'held' OR r.state <> 'open'
        OR EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = b.id)
        OR EXISTS (SELECT FROM payment_attempt t WHERE t.request_id = r.id AND t.state = ANY(:live))
        THEN 'being_paid'
    END AS code
  FROM import_match m
  JOIN bill b ON b.id = m.bill_id
  LEFT JOIN payment_request_bill held ON held.bill_id = b.id AND held.is_live
  LEFT JOIN payment_request r ON r.id = held.request_id
  WHERE m.code IN ('other_amount', 'other_values')
)
SELECT line, code FROM judged WHERE code IS NOT NULL ORDER BY line
"""

_REQUESTS_TO_UNDO = """
CREATE TEMP TABLE import_undo ON COMMIT DROP AS
SELECT DISTINCT held.request_id, r.card_change_id
FROM import_match m
JOIN payment_request_bill held ON held.bill_id = m.bill_id AND held.is_live
JOIN payment_request r ON r.id = held.request_id
WHERE m.code IN ('other_amount', 'other_values')
"""

# In this order: the bills look at which requests they were in before the mirror of the live one is cleared.
_UNDO = (
    """
    UPDATE bill b SET state = CASE
        WHEN EXISTS (
          SELECT FROM payment_request_bill older JOIN payment_request r ON r.id = older.request_id
          WHERE older.bill_id = b.id AND r.state = 'expired') THEN 'carried_over'
        ELSE 'finalized' END
    FROM payment_request_bill held JOIN import_undo u ON u.request_id = held.request_id
    WHERE held.bill_id = b.id AND b.state = 'requested'
    """,
    """
    UPDATE payment_request_bill held SET is_live = false
    FROM import_undo u WHERE held.request_id = u.request_id AND held.is_live
    """,
    """
    UPDATE payment_link l SET state = 'superseded'
    FROM import_undo u WHERE l.request_id = u.request_id AND l.state = 'active'
    """,
    # The customer's wish for another card waits for the next request (R09).
    """
    UPDATE card_change_request c SET state = 'received'
    FROM import_undo u WHERE c.id = u.card_change_id AND c.state = 'link_sent'
    """,
    # What has not left yet would only lead to a dead page.
    """
    UPDATE notice n SET state = 'failed', failure = 'request_void', settled_at = :now
    FROM import_undo u WHERE n.request_id = u.request_id AND n.state = 'queued'
    """,
)

_UNDO_REQUESTS = """
UPDATE payment_request r SET state = 'void', closed_at = :now
FROM import_undo u WHERE r.id = u.request_id
"""

_OLD_BILLS = """
CREATE TEMP TABLE import_old ON COMMIT DROP AS
SELECT m.line, b.id, b.state FROM import_match m JOIN bill b ON b.id = m.bill_id
WHERE m.code IN ('other_amount', 'other_values')
"""
_VOID_OLD = "UPDATE bill b SET state = 'void' FROM import_old o WHERE b.id = o.id"
_INSERT_NEW = """
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount,
  confirmed_on, state, created_at)
SELECT a.id, l.bill_number, l.billing_month, l.period_from, l.period_to, l.usage_tenths * 0.1, l.amount,
  l.confirmed_on, o.state, :now
FROM import_old o
JOIN import_line l ON l.line = o.line
JOIN account a ON a.customer_number = l.customer_number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """How many bills were replaced, and how many open requests were undone for it."""

    bills: int
    undone_requests: int


async def find_unamendable(connection: AsyncConnection) -> list[Refusal]:
    """Lock what would be amended until the transaction ends; returns the lines that money forbids."""
    for lock in (_LOCK_REQUESTS, _LOCK_BILLS, _LOCK_REQUESTS):
        await connection.execute(text(lock))
    rows = await connection.execute(text(_UNAMENDABLE), {"live": list(LIVE_ATTEMPTS)})
    return [Refusal(line=row.line, column=Column.AMOUNT, code=RefusalCode(row.code)) for row in rows]


async def amend_bills(connection: AsyncConnection, *, now: datetime) -> Amended:
    """Undo the open requests of the old bills, void these and write the new ones in their place.

    Call only when `find_unamendable` found nothing in the same transaction.
    """
    await connection.execute(text(_REQUESTS_TO_UNDO))
    for step in _UNDO:
        await connection.execute(text(step), {"now": now} if ":now" in step else {})
    undone = await connection.execute(text(_UNDO_REQUESTS), {"now": now})
    await connection.execute(text(_OLD_BILLS))
    await connection.execute(text(_VOID_OLD))
    inserted = await connection.execute(text(_INSERT_NEW), {"now": now})
    return Amended(bills=inserted.rowcount, undone_requests=undone.rowcount)
