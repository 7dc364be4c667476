"""SQL for money that came by bank, shop or cash: it takes the bill's claim, so that no card can take it too."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptState, BillState, ReceiptKind, ReceiptState
from backend.store.charging_stops import REMEMBERS_ALL

# A corrected bill keeps its number; the void row is found only when there is no other.
_FIND_BILL = text("SELECT id FROM bill WHERE bill_number = :bill_number ORDER BY state = 'void', id DESC LIMIT 1")

# Requests before bills, as a press and an opening take them. Ended ones are left alone: late money that holds one waits
# for the opening lock, which is ours by now.
_LOCK_REQUEST = text("""
SELECT r.id FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id
WHERE m.bill_id = :bill_id AND m.is_live AND r.state IN ('open', 'closing') FOR UPDATE OF r
""")
_LOCK_BILL = text("SELECT id FROM bill WHERE id = :bill_id FOR UPDATE")

_BILL = text("""
SELECT b.id, b.account_id, b.bill_number, b.billing_month, b.amount, b.state, p.state AS attempt_state, c.receipt_id
FROM bill b
LEFT JOIN bill_claim c ON c.bill_id = b.id
LEFT JOIN payment_attempt p ON p.id = c.attempt_id
WHERE b.id = :bill_id
""")

_REFERENCE = text("""
SELECT b.bill_number FROM receipt r JOIN bill b ON b.id = r.bill_id
WHERE r.kind = :kind AND r.reference = :reference AND r.state <> 'rejected'
""")

# What somebody else holds at this moment (a worker is taking it) is not waited for: it may be on its way.
_WITHDRAW_UNSENT = text(f"""
WITH unsent AS (
  SELECT p.id FROM bill_claim c JOIN payment_attempt p ON p.id = c.attempt_id
  WHERE c.bill_id = :bill_id AND p.state = 'prepared' AND p.origin = 'automatic' AND p.first_sent_at IS NULL
    AND {REMEMBERS_ALL}
  FOR UPDATE OF p SKIP LOCKED
), withdrawn AS (
  UPDATE payment_attempt p SET state = 'withdrawn', settled_at = :now FROM unsent WHERE p.id = unsent.id RETURNING p.id
)
DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
""")  # noqa: S608 - the condition is ours

_RECORD = text("""
WITH fresh AS (
  INSERT INTO receipt (bill_id, kind, reference, amount, received_on, state, recorded_by, recorded_at)
  VALUES (:bill_id, :kind, :reference, :amount, :received_on, 'recorded', :recorded_by, :now)
  RETURNING id, bill_id
), held AS (
  UPDATE bill SET state = 'held' FROM fresh WHERE bill.id = fresh.bill_id AND bill.state = 'requested'
)
INSERT INTO bill_claim (bill_id, receipt_id) SELECT bill_id, id FROM fresh RETURNING receipt_id
""")

_RECEIPT = text("""
SELECT r.id, r.bill_id, b.account_id, b.bill_number, b.billing_month, r.kind, r.reference, r.amount, r.received_on,
  r.state, r.recorded_by, r.recorded_at,
  EXISTS (SELECT FROM bill_claim c WHERE c.receipt_id = r.id) AS holds_the_claim
FROM receipt r JOIN bill b ON b.id = r.bill_id
WHERE r.id = :receipt_id FOR UPDATE OF r
""")

_WAITING = text("""
SELECT r.id, r.bill_id, b.account_id, b.bill_number, b.billing_month, r.kind, r.reference, r.amount, r.received_on,
  r.state, r.recorded_by, r.recorded_at,
  EXISTS (SELECT FROM bill_claim c WHERE c.receipt_id = r.id) AS holds_the_claim
FROM receipt r JOIN bill b ON b.id = r.bill_id
WHERE r.state = 'recorded' ORDER BY r.id
""")

_BILL_OF = text("SELECT bill_id FROM receipt WHERE id = :receipt_id")

_APPROVE = text("""
WITH approved AS (
  UPDATE receipt SET state = 'approved', approved_by = :person, decided_at = :now WHERE id = :receipt_id
  RETURNING bill_id
)
UPDATE bill SET state = 'paid', paid_at = :now FROM approved WHERE bill.id = approved.bill_id
""")

_REJECT = text("""
WITH rejected AS (
  UPDATE receipt SET state = 'rejected', rejected_by = :person, decided_at = :now WHERE id = :receipt_id
  RETURNING id, bill_id
), payable AS (
  UPDATE bill SET state = 'requested' FROM rejected WHERE bill.id = rejected.bill_id AND bill.state = 'held'
    AND EXISTS (SELECT FROM bill_claim c WHERE c.receipt_id = rejected.id)
)
DELETE FROM bill_claim USING rejected WHERE bill_claim.receipt_id = rejected.id
""")


class ClaimTakenError(Exception):
    """Something else holds the bill; roll the transaction back and look again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedBill:
    """A bill, and who holds its claim if anybody does. Amount in yen."""

    id: int
    account_id: int
    bill_number: str
    billing_month: str
    amount: int
    state: BillState
    attempt_state: AttemptState | None
    receipt_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt with its bill. `holds_the_claim` is false once a card's late money was booked instead."""

    id: int
    bill_id: int
    account_id: int
    bill_number: str
    billing_month: str
    kind: ReceiptKind
    reference: str
    amount: int
    received_on: date
    state: ReceiptState
    recorded_by: str
    recorded_at: datetime
    holds_the_claim: bool


async def lock_bill(connection: AsyncConnection, *, bill_number: str) -> LockedBill | None:
    """Lock a bill and the live request that asks for it; None when no bill has this number.

    Call while holding the opening lock: no new request can come to ask for it.
    """
    bill_id = (await connection.execute(_FIND_BILL, {"bill_number": bill_number})).scalar_one_or_none()
    if bill_id is None:
        return None
    await connection.execute(_LOCK_REQUEST, {"bill_id": bill_id})
    await connection.execute(_LOCK_BILL, {"bill_id": bill_id})
    # A statement of its own after the locks: its snapshot sees what the last holders committed.
    return await _bill(connection, bill_id=bill_id)


async def _bill(connection: AsyncConnection, *, bill_id: int) -> LockedBill:
    row = (await connection.execute(_BILL, {"bill_id": bill_id})).mappings().one()
    attempt_state = row["attempt_state"]
    return LockedBill(
        **{
            **row,
            "state": BillState(row["state"]),
            "attempt_state": AttemptState(attempt_state) if attempt_state else None,
        }
    )


async def find_bill_of_reference(connection: AsyncConnection, *, kind: ReceiptKind, reference: str) -> str | None:
    """The number of the bill that this reference was recorded for already."""
    found = await connection.execute(_REFERENCE, {"kind": kind, "reference": reference})
    return found.scalar_one_or_none()


async def withdraw_unsent_charge(connection: AsyncConnection, *, bill_id: int, now: datetime) -> LockedBill:
    """Take back an automatic charge of this bill that was certainly not sent; returns how the bill stands then."""
    await connection.execute(_WITHDRAW_UNSENT, {"bill_id": bill_id, "now": now})
    return await _bill(connection, bill_id=bill_id)


async def record(
    connection: AsyncConnection,
    *,
    bill: LockedBill,
    kind: ReceiptKind,
    reference: str,
    received_on: date,
    recorded_by: str,
    now: datetime,
) -> int:
    """Write the receipt down and take the bill's claim, in one statement; returns its id.

    Raises:
        ClaimTakenError: the database refused a second claim.
    """
    values = {
        "bill_id": bill.id,
        "kind": kind,
        "reference": reference,
        "amount": bill.amount,
        "received_on": received_on,
        "recorded_by": recorded_by,
        "now": now,
    }
    try:
        return int((await connection.execute(_RECORD, values)).scalar_one())
    except IntegrityError as refusal:
        raise ClaimTakenError from refusal


async def lock_receipt(connection: AsyncConnection, *, receipt_id: int) -> Receipt | None:
    """Lock a receipt, its bill and the live request that asks for it; None when there is no such receipt."""
    bill_id = (await connection.execute(_BILL_OF, {"receipt_id": receipt_id})).scalar_one_or_none()
    if bill_id is None:
        return None
    await connection.execute(_LOCK_REQUEST, {"bill_id": bill_id})
    await connection.execute(_LOCK_BILL, {"bill_id": bill_id})
    row = (await connection.execute(_RECEIPT, {"receipt_id": receipt_id})).mappings().one()
    return Receipt(**{**row, "kind": ReceiptKind(row["kind"]), "state": ReceiptState(row["state"])})


async def approve(connection: AsyncConnection, *, receipt_id: int, person: str, now: datetime) -> None:
    """The receipt is approved and its bill paid; the claim stays for ever."""
    await connection.execute(_APPROVE, {"receipt_id": receipt_id, "person": person, "now": now})


async def reject(connection: AsyncConnection, *, receipt_id: int, person: str, now: datetime) -> None:
    """The receipt is rejected and its claim released."""
    await connection.execute(_REJECT, {"receipt_id": receipt_id, "person": person, "now": now})


async def find_waiting(connection: AsyncConnection) -> list[Receipt]:
    """Receipts that wait for a second person, oldest first."""
    rows = (await connection.execute(_WAITING)).mappings()
    return [Receipt(**{**row, "kind": ReceiptKind(row["kind"]), "state": ReceiptState(row["state"])}) for row in rows]
