"""SQL that gives charges back their attempts, which a restored database has forgotten; settling is not done here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptOrigin, AttemptState, PaymentWay, RequestState

# In the order of time: what an earlier charge has paid is not owed when the place of a later one is looked for.
_LOST = text("""
SELECT t.line_reference, t.charge_reference, t.attempt_id, t.amount, t.occurred_at
FROM gateway_transaction t
WHERE t.gateway = :gateway AND t.kind = 'charge' AND t.attempt_id IS NOT NULL AND t.occurred_at >= :since
  AND (t.occurred_at, t.line_reference) > (CAST(:after_at AS timestamptz), CAST(:after AS text))
  AND NOT EXISTS (SELECT FROM payment_attempt a WHERE a.id = t.attempt_id)
  AND NOT EXISTS (
    SELECT FROM reconciliation_exception x
    WHERE x.kind = 'missing_locally' AND x.reference = t.charge_reference AND x.resolved_by <> :by_itself)
ORDER BY t.occurred_at, t.line_reference LIMIT :size
""")

_REQUEST = text("""
SELECT r.id, r.account_id, r.amount, r.state, r.opened_at,
  (SELECT count(*) FROM payment_attempt a WHERE a.request_id = r.id AND a.state = 'succeeded') AS successes,
  (SELECT a.id FROM payment_attempt a
   WHERE a.request_id = r.id AND a.state IN ('prepared', 'sent', 'challenged', 'unknown')) AS live_attempt,
  (SELECT a.state FROM payment_attempt a
   WHERE a.request_id = r.id AND a.state IN ('prepared', 'sent', 'challenged', 'unknown')) AS live_state
FROM payment_request r WHERE r.order_number = :order_number
""")

_ACCOUNT = text("""
SELECT account_id FROM gateway_customer WHERE gateway = :gateway AND reference = :customer
UNION
SELECT account_id FROM card_on_file WHERE gateway = :gateway AND customer_reference = :customer
""")

_OWED = text("""
SELECT
  (SELECT coalesce(sum(amount), 0) FROM bill
   WHERE account_id = :account_id AND state IN ('finalized', 'carried_over') AND confirmed_on <= :on
     AND NOT EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = bill.id)) AS waiting,
  o.id AS open_request, coalesce(o.amount, 0) AS asked_for,
  EXISTS (SELECT FROM payment_attempt a WHERE a.request_id = o.id
          AND a.state IN ('prepared', 'sent', 'challenged', 'unknown')) AS is_busy
FROM (SELECT) nothing
LEFT JOIN payment_request o ON o.account_id = :account_id AND o.state = 'open'
""")

_OPEN = text("""
WITH waiting AS (
  SELECT id, amount, state FROM bill
  WHERE account_id = :account_id AND state IN ('finalized', 'carried_over') AND confirmed_on <= :on
    AND NOT EXISTS (SELECT FROM bill_claim c WHERE c.bill_id = bill.id)
  ORDER BY id FOR UPDATE
), opened AS (
  INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, carry_over_reason, opened_at,
    valid_until)
  SELECT :account_id, :order_number, sum(amount), count(*), 'open', :way,
    CASE WHEN bool_or(state = 'carried_over') THEN 'link_expired' WHEN count(*) > 1 THEN 'late_meter_reading' END,
    :opened_at, :valid_until
  FROM waiting HAVING sum(amount) = :amount
  RETURNING id
), members AS (
  INSERT INTO payment_request_bill (request_id, bill_id, is_live)
  SELECT opened.id, waiting.id, true FROM opened, waiting
), requested AS (
  UPDATE bill SET state = 'requested' FROM waiting, opened WHERE bill.id = waiting.id
)
SELECT id FROM opened
""")

# A card that we have forgotten keeps its name, and nothing more: its consent is lost with it, so it is never charged.
# It was there before the first charge of it that comes to light.
_KEEP_CARD = text("""
INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year, exp_month,
  fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
VALUES (:account_id, :gateway, :customer_reference, :card_reference, :brand, :last4, :exp_year, :exp_month,
  :fingerprint, :three_ds_result, 'replaced', :authenticated_at, :authenticated_at,
  least(:now, CAST(:charged_at AS timestamptz)))
ON CONFLICT (gateway, card_reference) DO UPDATE SET created_at = CASE
  WHEN card_on_file.account_id = excluded.account_id THEN least(card_on_file.created_at, excluded.created_at)
  ELSE card_on_file.created_at END
RETURNING id, account_id
""")

_KEEP_CUSTOMER = text("""
INSERT INTO gateway_customer (account_id, gateway, reference) VALUES (:account_id, :gateway, :reference)
ON CONFLICT (account_id, gateway) DO NOTHING
""")

# The gateway's time of a charge may lie after the last day of its request, and it counts in whole seconds: who pressed
# in the last second did so in time (R05), and nothing is sent before it was written down.
_RESTORE = text("""
WITH attempt AS (
  INSERT INTO payment_attempt (id, request_id, ordinal, transaction_id, origin, state, card_id, amount, gateway,
    charge_request, created_at, not_before, first_sent_at, next_check_at)
  SELECT :id, r.id,
    1 + coalesce((SELECT max(ordinal) FROM payment_attempt a WHERE a.request_id = r.id), 0), :transaction_id, :origin,
    'unknown', :card_id, r.amount, :gateway, CAST(:charge_request AS jsonb), begun_at, begun_at, begun_at, :now
  FROM payment_request r CROSS JOIN LATERAL (
    SELECT least(CAST(:charged_at AS timestamptz), r.valid_until - interval '1 microsecond') AS begun_at) begun
  WHERE r.id = :request_id
  RETURNING id, request_id
), claims AS (
  INSERT INTO bill_claim (bill_id, attempt_id)
  SELECT m.bill_id, attempt.id
  FROM attempt JOIN payment_request r ON r.id = attempt.request_id AND r.state IN ('open', 'closing')
  JOIN payment_request_bill m ON m.request_id = r.id
)
SELECT id FROM attempt
""")


# The backup holds it for not yet sent, and the gateway has charged it.
_MARK_SENT = text("""
UPDATE payment_attempt a SET state = 'unknown', next_check_at = :now, lease_until = NULL,
  first_sent_at = greatest(a.created_at, least(r.valid_until - interval '1 microsecond', (
    SELECT min(t.occurred_at) FROM gateway_transaction t WHERE t.attempt_id = a.id AND t.kind = 'charge')))
FROM payment_request r WHERE a.id = :attempt_id AND a.state = 'prepared' AND r.id = a.request_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCharge:
    """A charge in the copied books whose attempt we do not have."""

    line_reference: str
    charge_reference: str
    attempt_id: UUID
    amount: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlace:
    """A request that carries the order number of a lost charge."""

    id: int
    account_id: int
    amount: int
    state: RequestState
    opened_at: datetime
    successes: int
    live_attempt: UUID | None
    live_state: AttemptState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What an account has to pay: bills that wait, and what an open request asks for (yen)."""

    waiting: int
    open_request: int | None
    asked_for: int
    is_busy: bool


async def find_lost(
    connection: AsyncConnection, *, gateway: str, since: datetime, after: LostCharge | None, size: int, by_itself: str
) -> Sequence[LostCharge]:
    """Charges without an attempt that nobody has settled, the oldest first, from behind `after` on."""
    values = {
        "gateway": gateway,
        "since": since,
        "after_at": after.occurred_at if after else since,
        "after": after.line_reference if after else "",
        "size": size,
        "by_itself": by_itself,
    }
    return [LostCharge(**row) for row in (await connection.execute(_LOST, values)).mappings()]


async def find_request(connection: AsyncConnection, *, order_number: str) -> RequestPlace | None:
    """The request of this order number, with the attempts that may stand in the way."""
    row = (await connection.execute(_REQUEST, {"order_number": order_number})).mappings().one_or_none()
    if row is None:
        return None
    live = AttemptState(row["live_state"]) if row["live_state"] else None
    return RequestPlace(**{**row, "state": RequestState(row["state"]), "live_state": live})


async def find_accounts(connection: AsyncConnection, *, gateway: str, customer: str) -> set[int]:
    """Whose customer reference this is: one account, or none that we remember."""
    return set((await connection.execute(_ACCOUNT, {"gateway": gateway, "customer": customer})).scalars())


async def read_owed(connection: AsyncConnection, *, account_id: int, on: date) -> Owed:
    """What the account had to pay on that day, as far as we remember."""
    return Owed(**(await connection.execute(_OWED, {"account_id": account_id, "on": on})).mappings().one())


async def open_lost_request(
    connection: AsyncConnection,
    *,
    account_id: int,
    order_number: str,
    amount: int,
    way: PaymentWay,
    on: date,
    opened_at: datetime,
    valid_until: datetime,
) -> int | None:
    """Ask for all waiting bills again under the order number that was charged; None if they are not that amount."""
    values = {
        "account_id": account_id,
        "order_number": order_number,
        "amount": amount,
        "way": way,
        "on": on,
        "opened_at": opened_at,
        "valid_until": valid_until,
    }
    found: int | None = (await connection.execute(_OPEN, values)).scalar_one_or_none()
    return found


async def keep_lost_card(
    connection: AsyncConnection,
    *,
    account_id: int,
    gateway: str,
    card: Mapping[str, object],
    charged_at: datetime,
    now: datetime,
) -> int | None:
    """The card that was charged, by its name only; None when it is another account's."""
    values = {"account_id": account_id, "gateway": gateway, "charged_at": charged_at, "now": now, **card}
    row = (await connection.execute(_KEEP_CARD, values)).one()
    known = {"account_id": account_id, "gateway": gateway, "reference": card["customer_reference"]}
    await connection.execute(_KEEP_CUSTOMER, known)
    return int(row.id) if row.account_id == account_id else None


async def mark_sent(connection: AsyncConnection, *, attempt_id: UUID, now: datetime) -> None:
    """The gateway has the charge of an attempt that we hold for prepared: it was sent, and its outcome is unknown."""
    await connection.execute(_MARK_SENT, {"attempt_id": attempt_id, "now": now})


async def restore_attempt(
    connection: AsyncConnection,
    *,
    attempt_id: UUID,
    request_id: int,
    transaction_id: str,
    origin: AttemptOrigin,
    card_id: int,
    gateway: str,
    charge_request: Mapping[str, object],
    charged_at: datetime,
    now: datetime,
) -> bool:
    """Write the attempt as `unknown`, with the claims of its bills: the ordinary resolution asks and settles.

    False when another attempt holds a bill or carries its transaction ID.
    """
    values = {
        "id": attempt_id,
        "request_id": request_id,
        "transaction_id": transaction_id,
        "origin": origin,
        "card_id": card_id,
        "gateway": gateway,
        "charge_request": json.dumps(charge_request),
        "charged_at": charged_at,
        "now": now,
    }
    try:
        async with connection.begin_nested():
            return (await connection.execute(_RESTORE, values)).one_or_none() is not None
    except IntegrityError:
        return False
