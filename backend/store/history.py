"""SQL that reads what has become of one order: request, bills, tries, cards, refunds and notices, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Beginnings come from the rows themselves, everything else from the steps that the database and the refunds wrote, and
# from what providers said of the notices.
_STEPS = text("""
WITH request AS MATERIALIZED (
  SELECT * FROM payment_request WHERE order_number = :order_number
), thing AS MATERIALIZED (
  SELECT 'payment_request' AS entity, CAST(id AS text) AS entity_id, order_number AS name, state, opened_at AS began_at,
    2 AS rank
  FROM request
  UNION ALL
  SELECT 'bill', CAST(b.id AS text), b.bill_number, b.state, b.created_at, 1
  FROM request r JOIN payment_request_bill m ON m.request_id = r.id JOIN bill b ON b.id = m.bill_id
  UNION ALL
  SELECT 'payment_attempt', CAST(p.id AS text), p.transaction_id, p.state, p.created_at, 4
  FROM request r JOIN payment_attempt p ON p.request_id = r.id
  UNION ALL
  SELECT 'card_on_file', CAST(c.id AS text), c.brand || ' ' || c.last4, c.state, c.created_at, 3
  FROM card_on_file c
  WHERE c.id IN (SELECT p.card_id FROM request r JOIN payment_attempt p ON p.request_id = r.id)
), step AS (
  SELECT m.at, 5 AS rank, m.id, t.entity, t.name, m.state_before, m.state_after, m.actor, m.cause, m.evidence_id,
    e.source AS evidence_source, e.gateway_request_id AS provider_request_id
  FROM thing t JOIN money_step m ON m.entity = t.entity AND m.entity_id = t.entity_id
  LEFT JOIN payment_evidence e ON e.id = m.evidence_id
  UNION ALL
  SELECT s.at, 5, s.id, 'refund', p.transaction_id, s.state_before, s.state_after, s.actor, s.cause, NULL,
    NULL, NULL
  FROM request r JOIN payment_attempt p ON p.request_id = r.id JOIN refund f ON f.attempt_id = p.id
  JOIN refund_step s ON s.refund_id = f.id
  UNION ALL
  SELECT e.at, 6, e.id, 'notice', n.kind || ' by ' || n.channel,
    CASE WHEN e.word = 'answer' THEN 'sending' ELSE coalesce(lag(e.state_after) OVER told, 'sending') END,
    e.state_after, NULL, e.reason, e.id, e.word, e.provider_request_id
  FROM request r JOIN notice n ON n.request_id = r.id JOIN notice_evidence e ON e.notice_id = n.id
  WINDOW told AS (PARTITION BY n.id ORDER BY e.id)
  UNION ALL
  SELECT t.began_at, t.rank, 0, t.entity, t.name, NULL, coalesce(first.state_before, t.state), NULL, NULL, NULL,
    NULL, NULL
  FROM thing t LEFT JOIN LATERAL (
    SELECT state_before, id FROM money_step m
    WHERE m.entity = t.entity AND m.entity_id = t.entity_id ORDER BY m.id LIMIT 1
  ) first ON true
  WHERE first.id IS NULL OR first.state_before IS NOT NULL
)
SELECT at, entity, name, state_before, state_after, actor, cause, evidence_id, evidence_source, provider_request_id
FROM step ORDER BY at, rank, id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of a state; a beginning has no state before. Nobody acts in a beginning or in a provider's word."""

    at: datetime
    entity: str  # the table: bill, payment_request, payment_attempt, card_on_file, refund, notice
    name: str  # the bill's number, the order number, the transaction ID, the card's brand and last digits, the words
    state_before: str | None
    state_after: str
    actor: str | None
    cause: str | None
    evidence_id: int | None
    evidence_source: str | None  # how the provider said it: charge, answer, look_up, webhook, cancel, no_answer, ...
    provider_request_id: str | None


async def steps_of(connection: AsyncConnection, *, order_number: str) -> Sequence[Step]:
    """Everything that has become of an order, oldest first; empty when there is no such order."""
    rows = (await connection.execute(_STEPS, {"order_number": order_number})).mappings()
    return [Step(**row) for row in rows]
