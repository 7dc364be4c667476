"""SQL that keeps a copy of the gateway's books, and finds what in them has to be asked about; matching is elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.gateway_objects import GatewayTransaction, MovementKind, SettlementLine
from backend.domain.states import AttemptState

# A line once written stays as it was listed: the gateway's books are only ever added to.
_MIRROR_TRANSACTIONS = text("""
INSERT INTO gateway_transaction (gateway, line_reference, gateway_reference, charge_reference, kind, amount, status,
  attempt_id, refund_id, occurred_at, body, first_seen_at)
SELECT :gateway, t.line_reference, t.gateway_reference, t.charge_reference, t.kind, t.amount, t.status, t.attempt_id,
  t.refund_id, t.occurred_at, CAST(t.body AS jsonb), :now
FROM unnest(CAST(:line_references AS text[]), CAST(:gateway_references AS text[]), CAST(:charge_references AS text[]),
  CAST(:kinds AS text[]), CAST(:amounts AS integer[]), CAST(:statuses AS text[]), CAST(:attempt_ids AS uuid[]),
  CAST(:refund_ids AS uuid[]), CAST(:moments AS timestamptz[]), CAST(:bodies AS text[]))
  AS t(line_reference, gateway_reference, charge_reference, kind, amount, status, attempt_id, refund_id, occurred_at,
    body)
ON CONFLICT (gateway, line_reference) DO NOTHING
""")

_MIRROR_SETTLEMENTS = text("""
INSERT INTO settlement_line (gateway, line_reference, settlement_reference, gateway_reference, charge_reference, kind,
  amount, fee, status, settled_on, attempt_id, refund_id, body, first_seen_at)
SELECT :gateway, s.line_reference, s.settlement_reference, s.gateway_reference, s.charge_reference, s.kind, s.amount,
  s.fee, s.status, s.settled_on, s.attempt_id, s.refund_id, CAST(s.body AS jsonb), :now
FROM unnest(CAST(:line_references AS text[]), CAST(:settlement_references AS text[]),
  CAST(:gateway_references AS text[]), CAST(:charge_references AS text[]), CAST(:kinds AS text[]),
  CAST(:amounts AS integer[]), CAST(:fees AS integer[]), CAST(:statuses AS text[]), CAST(:days AS date[]),
  CAST(:attempt_ids AS uuid[]), CAST(:refund_ids AS uuid[]), CAST(:bodies AS text[]))
  AS s(line_reference, settlement_reference, gateway_reference, charge_reference, kind, amount, fee, status, settled_on,
    attempt_id, refund_id, body)
ON CONFLICT (gateway, line_reference) DO NOTHING
""")

# Before the first walk: no money of ours can be older than the first account.
_HORIZON = text("""
SELECT coalesce(
  (SELECT max(until) FROM reconciliation_run WHERE gateway = :gateway),
  (SELECT created_at FROM account ORDER BY id LIMIT 1))
""")

_RECORD_RUN = text("""
INSERT INTO reconciliation_run (gateway, since, until, finished_at, counts)
VALUES (:gateway, :since, :until, :now, CAST(:counts AS jsonb))
""")

# What the gateway charged and we do not hold for paid: to be asked about in the ordinary way, never booked from here.
_UNBOOKED = text("""
SELECT a.id, a.state, a.charge_request
FROM payment_attempt a
WHERE a.state <> 'succeeded' AND a.gateway = :gateway AND a.id > :after
  AND EXISTS (
    SELECT FROM gateway_transaction t
    WHERE t.attempt_id = a.id AND t.gateway = :gateway AND t.kind = 'charge' AND t.occurred_at >= :since)
ORDER BY a.id LIMIT :size
""")

_UNRECORDED = text("""
SELECT DISTINCT ON (t.gateway_reference) t.gateway_reference, t.kind
FROM gateway_transaction t
WHERE t.gateway = :gateway AND t.kind IN ('refund', 'dispute') AND t.gateway_reference > :after
  AND t.occurred_at >= :since
  AND CASE t.kind
    WHEN 'refund' THEN NOT EXISTS (
      SELECT FROM refund r WHERE r.gateway_reference = t.gateway_reference AND r.state = 'succeeded')
    ELSE NOT EXISTS (
      SELECT FROM dispute d
      WHERE d.gateway = t.gateway AND d.gateway_reference = t.gateway_reference
        AND (d.state <> 'open' OR t.status = 'open'))
    END
ORDER BY t.gateway_reference LIMIT :size
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbookedAttempt:
    """An attempt of ours that the gateway lists as charged, and that is not paid in our books."""

    id: UUID
    state: AttemptState
    charge_request: Mapping[str, object]


async def mirror_transactions(
    connection: AsyncConnection, *, gateway: str, lines: Sequence[GatewayTransaction], now: datetime
) -> int:
    """Copy these movements, those excepted that we have; returns how many were new."""
    values = {
        "gateway": gateway,
        "now": now,
        "line_references": [line.line_reference for line in lines],
        "gateway_references": [line.gateway_reference for line in lines],
        "charge_references": [line.charge_reference for line in lines],
        "kinds": [line.kind for line in lines],
        "amounts": [line.amount for line in lines],
        "statuses": [line.status for line in lines],
        "attempt_ids": [line.attempt_id for line in lines],
        "refund_ids": [line.refund_id for line in lines],
        "moments": [line.occurred_at for line in lines],
        "bodies": [json.dumps(line.body) for line in lines],
    }
    return (await connection.execute(_MIRROR_TRANSACTIONS, values)).rowcount


async def mirror_settlements(
    connection: AsyncConnection, *, gateway: str, lines: Sequence[SettlementLine], now: datetime
) -> int:
    """Copy these payout lines, those excepted that we have; returns how many were new."""
    values = {
        "gateway": gateway,
        "now": now,
        "line_references": [line.line_reference for line in lines],
        "settlement_references": [line.settlement_reference for line in lines],
        "gateway_references": [line.gateway_reference for line in lines],
        "charge_references": [line.charge_reference for line in lines],
        "kinds": [line.kind for line in lines],
        "amounts": [line.amount for line in lines],
        "fees": [line.fee for line in lines],
        "statuses": [line.status for line in lines],
        "days": [line.settled_on for line in lines],
        "attempt_ids": [line.attempt_id for line in lines],
        "refund_ids": [line.refund_id for line in lines],
        "bodies": [json.dumps(line.body) for line in lines],
    }
    return (await connection.execute(_MIRROR_SETTLEMENTS, values)).rowcount


async def read_horizon(connection: AsyncConnection, *, gateway: str) -> datetime | None:
    """Until when the books have been read; None while there is not even an account."""
    found: datetime | None = (await connection.execute(_HORIZON, {"gateway": gateway})).scalar_one()
    return found


async def record_run(
    connection: AsyncConnection,
    *,
    gateway: str,
    since: datetime,
    until: datetime,
    counts: Mapping[str, int],
    now: datetime,
) -> None:
    """Write down how far the books have been read and what came of it."""
    values = {"gateway": gateway, "since": since, "until": until, "now": now, "counts": json.dumps(counts)}
    await connection.execute(_RECORD_RUN, values)


async def find_unbooked(
    connection: AsyncConnection, *, gateway: str, since: datetime, after: UUID, size: int
) -> list[UnbookedAttempt]:
    """Attempts charged at the gateway and not paid here, in the order of their ids."""
    values = {"gateway": gateway, "since": since, "after": after, "size": size}
    rows = (await connection.execute(_UNBOOKED, values)).mappings()
    return [UnbookedAttempt(**{**row, "state": AttemptState(row["state"])}) for row in rows]


async def find_unrecorded(
    connection: AsyncConnection, *, gateway: str, since: datetime, after: str, size: int
) -> list[tuple[str, MovementKind]]:
    """Refunds and disputes that we have no row of (or an older one), in the order of their references."""
    values = {"gateway": gateway, "since": since, "after": after, "size": size}
    rows = await connection.execute(_UNRECORDED, values)
    return [(row.gateway_reference, MovementKind(row.kind)) for row in rows]
