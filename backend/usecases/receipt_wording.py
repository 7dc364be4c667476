"""Says in Japanese what became of a receipt, for the staff's doors; the words are templates/receipts/messages.toml."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from backend.domain.billing_calendar import JST
from backend.domain.receipt_refusal import ReceiptRefusal, ReceiptRefusalCode
from backend.store.receipts import Receipt

MESSAGES_FILE = Path(__file__).resolve().parents[2] / "templates" / "receipts" / "messages.toml"


@cache
def receipt_messages(source: Path = MESSAGES_FILE) -> Mapping[str, Mapping[str, str]]:
    """The sentences by section and key."""
    return tomllib.loads(source.read_text(encoding="utf-8"))


def refusal_sentence(refusal: ReceiptRefusal) -> str:
    """Why nothing was done, and what to do."""
    words, hint = receipt_messages(), refusal.hint
    if refusal.code is ReceiptRefusalCode.ALREADY_DECIDED:
        hint = words["states"][hint]
    return words["report"]["refused"].format(reason=words["refusals"][refusal.code].format(hint=hint))


def recorded_sentence(receipt_id: int) -> str:
    """That it is recorded, and who goes on."""
    return receipt_messages()["report"]["recorded"].format(id=receipt_id)


def approved_sentence(receipt: Receipt) -> str:
    """Which bill is paid now."""
    return receipt_messages()["report"]["approved"].format(**_values(receipt))


def rejected_sentence(receipt: Receipt) -> str:
    """Which bill can be paid again."""
    return receipt_messages()["report"]["rejected"].format(**_values(receipt))


def waiting_lines(waiting: Sequence[Receipt]) -> Iterator[str]:
    """A line each of what waits for a second person."""
    words = receipt_messages()["report"]
    for receipt in waiting:
        yield words["waiting"].format(**_values(receipt))
        if not receipt.holds_the_claim:
            yield words["overtaken"]
    if not waiting:
        yield words["nothing_waits"]


def _values(receipt: Receipt) -> dict[str, object]:
    return {
        "id": receipt.id,
        "bill_number": receipt.bill_number,
        "month": receipt.billing_month,
        "amount": f"{receipt.amount:,}",
        "kind": receipt_messages()["kinds"][receipt.kind],
        "reference": receipt.reference,
        "received_on": receipt.received_on.isoformat(),
        "recorded_by": receipt.recorded_by,
        "recorded_at": f"{receipt.recorded_at.astimezone(JST):%Y-%m-%d %H:%M}",
    }
