"""SQL behind the payment pages: one look at a link with all that the page shows, and the payer's sessions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.account_facts import BillFacts
from backend.domain.payment_page import PaymentPage
from backend.domain.states import AttemptState, DeclineClass, LinkState, RequestState

_PAGE = text("""
SELECT l.id AS link_id, r.id AS request_id, r.account_id, r.order_number, r.amount, r.valid_until,
  l.state AS link_state, r.state AS request_state, t.proof_failures, t.declines, t.registrations,
  right(a.customer_number, 4) AS number_tail, a.customer_number, right(a.phone, 4) AS phone_tail, a.service_location,
  p.id AS attempt_id, p.state AS attempt_state, p.decline_class, p.gateway_reference AS attempt_reference,
  c.card_reference AS attempt_card, c.brand AS card_brand, c.last4 AS card_last4,
  CASE WHEN p.state IN ('prepared', 'sent', 'challenged', 'unknown', 'succeeded') THEN p.transaction_id
       ELSE r.order_number || '-' || lpad((1 + coalesce(p.ordinal, 0))::text, 2, '0') END AS transaction_id,
  CASE WHEN p.state = 'succeeded' THEN p.settled_at END AS paid_at,
  (SELECT o.order_number FROM payment_request o WHERE o.account_id = r.account_id AND o.state = 'open' AND o.id <> r.id)
    AS newest_order_number,
  NOT EXISTS (SELECT FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id
              WHERE m.request_id = r.id AND b.state NOT IN ('paid', 'disputed', 'refunded')) AS bills_are_paid,
  NOT EXISTS (SELECT FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id
              WHERE m.request_id = r.id AND b.state <> 'refunded') AS are_bills_refunded,
  CAST(coalesce((SELECT sum(f.amount) FROM refund f JOIN payment_attempt s ON s.id = f.attempt_id
                 WHERE s.request_id = r.id AND s.state = 'succeeded' AND f.state = 'succeeded'
                   AND f.charge_reference = s.gateway_reference), 0) AS integer)
    AS refunded,
  EXISTS (SELECT FROM payment_request_bill m JOIN bill_claim k ON k.bill_id = m.bill_id
          JOIN receipt t ON t.id = k.receipt_id AND t.state = 'recorded' WHERE m.request_id = r.id)
    AS has_waiting_receipt,
  database_has_moved() OR EXISTS (SELECT FROM charging_stop s WHERE s.scope = 'all' AND s.lifted_at IS NULL)
    OR EXISTS (SELECT FROM reconciliation_exception x
               WHERE x.account_id = r.account_id AND x.resolved_at IS NULL AND x.is_blocking) AS is_paused,
  r.state = 'open' AND NOT coalesce((
    SELECT count(*) = r.bill_count AND sum(b.amount) = r.amount AND bool_and(m.is_live AND b.state = 'requested')
    FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id WHERE m.request_id = r.id), false)
    AS is_amount_in_doubt,
  (SELECT array_agg(b.billing_month || ':' || b.amount ORDER BY b.billing_month)
   FROM payment_request_bill m JOIN bill b ON b.id = m.bill_id WHERE m.request_id = r.id) AS bills
FROM payment_link l
JOIN payment_link_tries t ON t.link_id = l.id
JOIN payment_request r ON r.id = l.request_id
JOIN account a ON a.id = r.account_id
LEFT JOIN LATERAL (
  SELECT * FROM payment_attempt WHERE request_id = r.id
  ORDER BY state = 'succeeded' DESC, ordinal DESC LIMIT 1
) p ON true
LEFT JOIN card_on_file c ON c.id = p.card_id
WHERE l.id = :link_id
""")

_ATTEMPT_OF = text("SELECT id, state FROM payment_attempt WHERE transaction_id = :transaction_id")

_NEW_SESSION = text("""
INSERT INTO page_session (id_hash, link_id, registration_id, created_at, expires_at)
VALUES (:id_hash, :link_id, :registration_id, :now, :expires_at)
""")

_SESSION = text("""
SELECT s.link_id, s.registration_id, g.gateway_reference
FROM page_session s LEFT JOIN card_registration g ON g.id = s.registration_id
WHERE s.id_hash = :id_hash AND s.expires_at > :now
""")

_NEW_REGISTRATION = text("""
INSERT INTO card_registration (id, link_id, gateway_reference, consented_at, consent_version, created_at)
VALUES (:id, :link_id, :gateway_reference, :now, :consent_version, :now)
""")

_USE_REGISTRATION = text("""
UPDATE page_session SET registration_id = :registration_id WHERE id_hash = :id_hash
""")

_CUSTOMER = text("SELECT reference FROM gateway_customer WHERE account_id = :account_id AND gateway = :gateway")

_KEEP_CUSTOMER = text("""
INSERT INTO gateway_customer (account_id, gateway, reference) VALUES (:account_id, :gateway, :reference)
ON CONFLICT (account_id, gateway) DO NOTHING
""")

# The request before the card, as everywhere: an answer that is being written down holds them in this order.
_LOCK_REQUEST = text("""
SELECT r.id FROM card_registration g
JOIN payment_link l ON l.id = g.link_id JOIN payment_request r ON r.id = l.request_id
WHERE g.id = :registration_id FOR UPDATE OF r
""")

# The same registration read twice gives the same row, unchanged: the update makes RETURNING answer. A gateway that
# knows the card of a newer registration under its old name has it entered anew.
_KEEP_CARD = text("""
INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year, exp_month,
  fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
SELECT :account_id, :gateway, :customer_reference, :card_reference, :brand, :last4, :exp_year, :exp_month,
  :fingerprint, :three_ds_result, 'pending', :authenticated_at, consented_at, :now
FROM card_registration WHERE id = :registration_id
ON CONFLICT (gateway, card_reference) DO UPDATE
SET consented_at = greatest(card_on_file.consented_at, excluded.consented_at),
  state = CASE WHEN excluded.consented_at > card_on_file.consented_at AND card_on_file.state <> 'active'
    THEN 'pending' ELSE card_on_file.state END
  WHERE card_on_file.account_id = excluded.account_id
RETURNING id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSession:
    """A payer who has answered the identity question on this device."""

    link_id: UUID
    registration_id: UUID | None
    gateway_reference: str | None  # of the registration


async def load_page(connection: AsyncConnection, *, link_id: UUID) -> PaymentPage:
    """Everything that the pages of one link need, in one look."""
    row = dict((await connection.execute(_PAGE, {"link_id": link_id})).mappings().one())
    return PaymentPage(
        **{
            **row,
            "bills": tuple(_bill(line) for line in row["bills"]),
            "link_state": LinkState(row["link_state"]),
            "request_state": RequestState(row["request_state"]),
            "attempt_state": AttemptState(row["attempt_state"]) if row["attempt_state"] else None,
            "decline_class": DeclineClass(row["decline_class"]) if row["decline_class"] else None,
        }
    )


def _bill(line: str) -> BillFacts:
    month, amount = line.split(":")
    return BillFacts(billing_month=month, amount=int(amount))


async def find_attempt(connection: AsyncConnection, *, transaction_id: str) -> UUID | None:
    """The attempt that already carries this transaction ID: pressing again must lead to it, not to a new one."""
    row = (await connection.execute(_ATTEMPT_OF, {"transaction_id": transaction_id})).one_or_none()
    return row.id if row else None


async def create_session(
    connection: AsyncConnection, *, id_hash: bytes, link_id: UUID, now: datetime, expires_at: datetime
) -> None:
    """Remember a payer's browser by the hash of its cookie."""
    values = {"id_hash": id_hash, "link_id": link_id, "registration_id": None, "now": now, "expires_at": expires_at}
    await connection.execute(_NEW_SESSION, values)


async def find_session(connection: AsyncConnection, *, id_hash: bytes, now: datetime) -> PageSession | None:
    """The session of a cookie, unless it is over."""
    row = (await connection.execute(_SESSION, {"id_hash": id_hash, "now": now})).mappings().one_or_none()
    return PageSession(**row) if row else None


async def keep_registration(
    connection: AsyncConnection,
    *,
    registration_id: UUID,
    link_id: UUID,
    gateway_reference: str,
    id_hash: bytes,
    consent_version: str,
    now: datetime,
) -> None:
    """Tie a card entry begun at the gateway to the payer's session, with the consent it rests on."""
    values = {
        "id": registration_id,
        "link_id": link_id,
        "gateway_reference": gateway_reference,
        "consent_version": consent_version,
        "now": now,
    }
    await connection.execute(_NEW_REGISTRATION, values)
    await connection.execute(_USE_REGISTRATION, {"registration_id": registration_id, "id_hash": id_hash})


async def find_gateway_customer(connection: AsyncConnection, *, account_id: int, gateway: str) -> str | None:
    """The account's customer at the gateway, if it has one."""
    found = await connection.execute(_CUSTOMER, {"account_id": account_id, "gateway": gateway})
    return found.scalar_one_or_none()


async def keep_gateway_customer(connection: AsyncConnection, *, account_id: int, gateway: str, reference: str) -> None:
    """Remember the account's customer at the gateway."""
    values = {"account_id": account_id, "gateway": gateway, "reference": reference}
    await connection.execute(_KEEP_CUSTOMER, values)


async def keep_card(
    connection: AsyncConnection, *, account_id: int, registration_id: UUID, card: dict[str, object]
) -> int:
    """Write down a registered card (never its number); returns our id. Pending until it has paid."""
    values = {"account_id": account_id, "registration_id": registration_id, **card}
    await connection.execute(_LOCK_REQUEST, {"registration_id": registration_id})
    return int((await connection.execute(_KEEP_CARD, values)).scalar_one())
