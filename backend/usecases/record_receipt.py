"""Write down money that came by bank, shop or cash: from that moment no card can take it too (invariants 1, 20)."""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.receipt_refusal import ReceiptRefusal, ReceiptRefusalCode
from backend.domain.states import BillState, ReceiptKind
from backend.store import opening, receipts
from backend.store.engine import transaction
from backend.usecases.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReceipt:
    """What one person has seen arrive. `reference` is the bank's or the shop's own number; `amount` in yen."""

    bill_number: str
    kind: ReceiptKind
    reference: str
    amount: int
    received_on: date
    recorded_by: str


async def record_receipt(services: Services, receipt: NewReceipt, *, now: datetime) -> int | ReceiptRefusal:
    """Record it and take the bill's claim in one commit; returns the receipt's id, or why not (nothing is changed).

    An automatic charge that was not sent yet is taken back. One that was sent, or whose outcome is open, must end
    first. Until a second person decides, neither a press nor the month charges the bill.
    """
    person, reference = tidy(receipt.recorded_by), tidy(receipt.reference)
    if refusal := _fault(receipt, person=person, reference=reference, now=now):
        return refusal
    try:
        async with transaction(services.engine) as connection:
            # An opening that does not see the claim would still ask for the bill.
            await opening.lock_opening(connection)
            bill = await _claimable(connection, receipt, reference=reference, now=now)
            if isinstance(bill, ReceiptRefusal):
                return bill
            return await receipts.record(
                connection,
                bill=bill,
                kind=receipt.kind,
                reference=reference,
                received_on=receipt.received_on,
                recorded_by=person,
                now=now,
            )
    except receipts.ClaimTakenError:  # whoever was first, the database lets only one hold the claim
        return ReceiptRefusal(code=ReceiptRefusalCode.CARD_UNDER_WAY)


def tidy(name: str) -> str:
    """A name or number in one form, so that one person is not two by the width of the letters."""
    return unicodedata.normalize("NFKC", name).strip()


def _fault(receipt: NewReceipt, *, person: str, reference: str, now: datetime) -> ReceiptRefusal | None:
    if not person:
        return ReceiptRefusal(code=ReceiptRefusalCode.NO_PERSON)
    if not reference:
        return ReceiptRefusal(code=ReceiptRefusalCode.NO_REFERENCE)
    if receipt.received_on > jst_date(now):
        return ReceiptRefusal(code=ReceiptRefusalCode.RECEIVED_IN_THE_FUTURE, hint=receipt.received_on.isoformat())
    return None


async def _claimable(
    connection: AsyncConnection, receipt: NewReceipt, *, reference: str, now: datetime
) -> receipts.LockedBill | ReceiptRefusal:
    """The bill, locked and free of every other claim."""
    bill = await receipts.lock_bill(connection, bill_number=receipt.bill_number)
    if bill is None:
        return ReceiptRefusal(code=ReceiptRefusalCode.UNKNOWN_BILL, hint=receipt.bill_number)
    if refusal := _refuses(bill, amount=receipt.amount):
        return refusal
    other = await receipts.find_bill_of_reference(connection, kind=receipt.kind, reference=reference)
    if other is not None:
        return ReceiptRefusal(code=ReceiptRefusalCode.REFERENCE_IS_USED, hint=other)
    bill = await receipts.withdraw_unsent_charge(connection, bill_id=bill.id, now=now)
    if bill.attempt_state is not None:
        return ReceiptRefusal(code=ReceiptRefusalCode.CARD_UNDER_WAY)
    return bill


def _refuses(bill: receipts.LockedBill, *, amount: int) -> ReceiptRefusal | None:
    if bill.state is BillState.PAID:
        return ReceiptRefusal(code=ReceiptRefusalCode.PAID_BILL)
    if bill.state is BillState.VOID:
        return ReceiptRefusal(code=ReceiptRefusalCode.VOID_BILL)
    if bill.amount != amount:
        return ReceiptRefusal(code=ReceiptRefusalCode.OTHER_AMOUNT, hint=f"{bill.amount:,}")
    if bill.receipt_id is not None:
        return ReceiptRefusal(code=ReceiptRefusalCode.RECEIPT_WAITS, hint=str(bill.receipt_id))
    return None
