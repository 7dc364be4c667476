"""SQL for automatic charges that may not be sent any more, whatever has happened since they were prepared."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.card_rules import DECLINES_WITHIN, MOST_DECLINES
from backend.store.charging_stops import REMEMBERS_ALL

# Of an attempt `p`: its card is dead or has been refused, under whatever name the gateway knows it (invariant 10).
# CASE spares nearly everybody the function, which is dear.
HAS_REFUSED_CARD = """EXISTS (
  SELECT FROM card_on_file c WHERE c.id = p.card_id AND (c.state = 'unusable' OR CASE WHEN EXISTS (
      SELECT FROM card_on_file same JOIN payment_attempt d ON d.card_id = same.id AND d.state = 'declined'
      WHERE same.gateway = c.gateway AND same.fingerprint = c.fingerprint)
    THEN is_refused_card(c.account_id, c.gateway, c.fingerprint, :declines_since, :most_declines) ELSE false END))"""

# Of an attempt `p` of a request `r`: nobody may charge it unasked, because another card was applied for (invariant 9),
# its card refused (10), or a charge disputed (11).
IS_UNWANTED = f"""(p.origin = 'automatic' AND (
  EXISTS (SELECT FROM card_change_request x WHERE x.account_id = r.account_id AND x.state IN ('received', 'link_sent'))
  OR EXISTS (SELECT FROM dispute d WHERE d.account_id = r.account_id AND d.state = 'open')
  OR {HAS_REFUSED_CARD}))"""  # noqa: S608 - the condition is ours

# A request that somebody else has locked is left to the next look: who takes an attempt holds it already, and must not
# wait for its request.
_TAKE_BACK = text(f"""
WITH locked AS MATERIALIZED (
  SELECT id FROM payment_request
  WHERE id = ANY(:request_ids) AND state = 'open' AND valid_until > :now ORDER BY id FOR UPDATE SKIP LOCKED
), withdrawn AS (
  UPDATE payment_attempt p SET state = 'withdrawn', settled_at = :now, lease_until = NULL
  FROM payment_request r JOIN locked ON locked.id = r.id
  WHERE p.request_id = r.id AND p.state = 'prepared' AND {IS_UNWANTED} AND {REMEMBERS_ALL}
  RETURNING p.id, p.request_id, r.account_id
), released AS (
  DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
), changes AS (
  UPDATE card_change_request x SET state = 'link_sent' FROM withdrawn
  WHERE x.account_id = withdrawn.account_id AND x.state = 'received'
)
UPDATE payment_request r SET way = 'link', card_change_id = coalesce((
  SELECT x.id FROM card_change_request x WHERE x.account_id = r.account_id AND x.state IN ('received', 'link_sent')
), r.card_change_id)
FROM withdrawn WHERE r.id = withdrawn.request_id
RETURNING r.id
""")  # noqa: S608 - the condition is ours

# The gateway does not know the attempt: to repeat it is to charge for the first time, and obeys the same rules.
_MAY_REPLAY = text(f"""
SELECT NOT {IS_UNWANTED} AND NOT {HAS_REFUSED_CARD} AND NOT (SELECT database_has_moved())
  AND NOT EXISTS (SELECT FROM charging_stop s
                  WHERE s.lifted_at IS NULL AND (s.scope = 'all' OR p.origin = s.scope))
  AND NOT EXISTS (SELECT FROM reconciliation_exception x
                  WHERE x.account_id = r.account_id AND x.resolved_at IS NULL AND x.is_blocking)
FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id WHERE p.id = :attempt_id
""")  # noqa: S608 - the conditions are ours

# The owner of a card may have registered it for more than one place.
_WAITING_FOR_CARD = text("""
SELECT r.id FROM card_on_file c
JOIN card_on_file same ON same.gateway = c.gateway AND same.fingerprint = c.fingerprint
JOIN payment_request r ON r.account_id = same.account_id AND r.state = 'open'
JOIN payment_attempt p ON p.request_id = r.id AND p.state = 'prepared' AND p.card_id = same.id
WHERE c.id = :card_id
""")

_WAITING_FOR_ACCOUNT = text("""
SELECT r.id FROM payment_request r JOIN payment_attempt p ON p.request_id = r.id
WHERE r.account_id = :account_id AND r.state = 'open' AND p.state = 'prepared' AND p.origin = 'automatic'
""")


def refusal_limits(now: datetime) -> dict[str, object]:
    """The parameters of `HAS_REFUSED_CARD`."""
    return {"declines_since": now - DECLINES_WITHIN, "most_declines": MOST_DECLINES}


async def take_back(connection: AsyncConnection, *, request_ids: Sequence[int], now: datetime) -> list[int]:
    """Take back the charges of these requests that nobody may send unasked; returns the requests, now paid by URL.

    Only what was certainly not sent, and nothing after the last day: that is the closing's.
    """
    values = {"request_ids": list(request_ids), "now": now, **refusal_limits(now)}
    return list((await connection.execute(_TAKE_BACK, values)).scalars())


async def waiting_for_card(connection: AsyncConnection, *, card_id: int) -> list[int]:
    """Open requests whose charge waits for this card, under whatever name and for whichever place."""
    return list((await connection.execute(_WAITING_FOR_CARD, {"card_id": card_id})).scalars())


async def waiting_for_account(connection: AsyncConnection, *, account_id: int) -> list[int]:
    """Open requests of this account whose automatic charge was not sent yet."""
    return list((await connection.execute(_WAITING_FOR_ACCOUNT, {"account_id": account_id})).scalars())


async def may_replay(connection: AsyncConnection, *, attempt_id: UUID, now: datetime) -> bool:
    """Whether an attempt that the gateway has never seen may be sent again: no stop, and nobody minds by now."""
    values = {"attempt_id": attempt_id, **refusal_limits(now)}
    return bool((await connection.execute(_MAY_REPLAY, values)).scalar_one())
