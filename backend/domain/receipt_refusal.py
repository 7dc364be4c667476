"""Why a receipt is not taken or not decided, as data; the Japanese words live in templates/receipts/messages.toml."""

from dataclasses import dataclass
from enum import StrEnum


class ReceiptRefusalCode(StrEnum):
    """One reason each; the value is also the key of its Japanese sentence."""

    # what was written down
    NO_PERSON = "no_person"
    NO_REFERENCE = "no_reference"
    RECEIVED_IN_THE_FUTURE = "received_in_the_future"
    REFERENCE_IS_USED = "reference_is_used"
    # the bill
    UNKNOWN_BILL = "unknown_bill"
    VOID_BILL = "void_bill"
    PAID_BILL = "paid_bill"
    OTHER_AMOUNT = "other_amount"
    CARD_UNDER_WAY = "card_under_way"
    RECEIPT_WAITS = "receipt_waits"
    # the decision
    UNKNOWN_RECEIPT = "unknown_receipt"
    ALREADY_DECIDED = "already_decided"
    SAME_PERSON = "same_person"
    PAID_BY_CARD = "paid_by_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRefusal:
    """A reason, with the one thing that its sentence names: an amount, a number, a bill."""

    code: ReceiptRefusalCode
    hint: str = ""
