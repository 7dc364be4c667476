"""Bill files as an operator would upload them."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HEADER = (
    "お客様番号", "お名前(漢字)", "お名前(カナ)", "携帯電話番号", "メールアドレス", "ご使用場所",
    "請求月", "ご使用期間", "ご使用量(kWh)", "ご請求金額", "請求番号", "請求確定日",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BillLine:
    """One month of one place of use; the name and the rest are the same for everybody."""

    customer: str
    phone: str
    month: str
    amount: int
    confirmed: str


def write_bill_file(path: Path, lines: Iterable[BillLine]) -> Path:
    """Write a CSV file with Japanese headers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_row(line) for line in lines)
    return path


def _row(line: BillLine) -> tuple[object, ...]:
    period = f"{line.month}-01〜{line.month}-28"
    number = f"B{line.customer}{line.month.replace('-', '')}"
    place = "東京都千代田区丸の内1-1-1"
    return (
        line.customer, "山田 花子", "ヤマダ ハナコ", line.phone, "", place,
        line.month, period, "250", line.amount, number, line.confirmed,
    )  # fmt: skip
