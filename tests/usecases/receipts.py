"""Two persons at the desk where money by bank, shop or cash is written down, and looks at what became of it."""

from datetime import date

from backend.domain.billing_calendar import jst_date
from backend.domain.receipt_refusal import ReceiptRefusal, ReceiptRefusalCode
from backend.domain.states import ReceiptKind
from backend.usecases.decide_receipt import approve_receipt, reject_receipt
from backend.usecases.record_receipt import NewReceipt, record_receipt
from tests.kit.ledger import Ledger

AMOUNT = 8432
BILLS = "SELECT billing_month, state FROM bill WHERE state <> 'void' ORDER BY billing_month"
REQUESTS = "SELECT state, amount FROM payment_request ORDER BY id"
ATTEMPTS = "SELECT state FROM payment_attempt ORDER BY created_at"
CLAIMS = "SELECT attempt_id IS NOT NULL, receipt_id FROM bill_claim ORDER BY bill_id"
RECEIPTS = "SELECT state FROM receipt ORDER BY id"
NOTICES = "SELECT kind, state FROM notice ORDER BY id"
OTHER_AMOUNT = """
INSERT INTO receipt (bill_id, kind, reference, amount, received_on, state, recorded_by, recorded_at)
SELECT id, 'cash', 'K-1', amount + 1, now(), 'recorded', '佐藤', now() FROM bill
"""
TASKS = "SELECT kind FROM staff_task ORDER BY kind"


def number(account: int, month: str = "2026-11") -> str:
    return f"B{account}-{month}"


async def record(
    ledger: Ledger,
    bill_number: str,
    *,
    amount: int = AMOUNT,
    reference: str = "F-1",
    kind: ReceiptKind = ReceiptKind.BANK,
    person: str = "佐藤",
    received_on: date | None = None,
) -> int | ReceiptRefusalCode:
    now = ledger.services.clock.now()
    receipt = NewReceipt(
        bill_number=bill_number,
        kind=kind,
        reference=reference,
        amount=amount,
        received_on=received_on or jst_date(now),
        recorded_by=person,
    )
    outcome = await record_receipt(ledger.services, receipt, now=now)
    return outcome.code if isinstance(outcome, ReceiptRefusal) else outcome


async def recorded(ledger: Ledger, bill_number: str, *, amount: int = AMOUNT, reference: str = "F-1") -> int:
    outcome = await record(ledger, bill_number, amount=amount, reference=reference)
    assert isinstance(outcome, int), outcome
    return outcome


async def approve(ledger: Ledger, receipt_id: int, *, person: str = "鈴木") -> ReceiptRefusalCode | None:
    outcome = await approve_receipt(
        ledger.services, receipt_id=receipt_id, person=person, now=ledger.services.clock.now()
    )
    return outcome.code if isinstance(outcome, ReceiptRefusal) else None


async def reject(ledger: Ledger, receipt_id: int, *, person: str = "佐藤") -> ReceiptRefusalCode | None:
    outcome = await reject_receipt(
        ledger.services, receipt_id=receipt_id, person=person, now=ledger.services.clock.now()
    )
    return outcome.code if isinstance(outcome, ReceiptRefusal) else None
