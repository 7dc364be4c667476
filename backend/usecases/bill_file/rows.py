"""Turns a block of lines into records for the staging table, column by column; every fault is listed by line."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import repeat

from backend.domain.bill_refusal import (
    QUOTABLE,
    CellRefusedError,
    Column,
    Refusal,
    RefusalCode,
    Refusals,
    shown,
)
from backend.usecases.bill_file.cells import (
    read_amount,
    read_bill_number,
    read_customer_number,
    read_email,
    read_kana,
    read_name,
    read_place,
    read_usage,
)
from backend.usecases.bill_file.dates import check_period, is_far_away, read_day, read_month, read_period
from backend.usecases.bill_file.header import Header
from backend.usecases.bill_file.phones import read_phone
from backend.usecases.bill_file.plain import PLAIN_READERS

Row = Sequence[str]
_END_OF_FILE = ["\x1a"]  # what some programs write behind the last line
Record = tuple[object, ...]  # in the order of backend.store.bill_import.STAGED

_READERS: Mapping[Column, Callable[[str], object]] = {
    Column.CUSTOMER_NUMBER: read_customer_number,
    Column.NAME_KANJI: read_name,
    Column.NAME_KANA: read_kana,
    Column.PHONE: read_phone,
    Column.EMAIL: read_email,
    Column.SERVICE_LOCATION: read_place,
    Column.BILLING_MONTH: read_month,
    Column.PERIOD: read_period,
    Column.PERIOD_FROM: read_day,
    Column.PERIOD_TO: read_day,
    Column.USAGE_KWH: read_usage,
    Column.AMOUNT: read_amount,
    Column.BILL_NUMBER: read_bill_number,
    Column.CONFIRMED_ON: read_day,
}


def read_rows(lines: Sequence[str], *, first_line: int, header: Header, refusals: Refusals) -> list[Record]:
    """The records of the good lines; refusals are added for the others. Blank lines are passed over."""
    numbered = _whole_rows(lines, first_line=first_line, header=header, refusals=refusals)
    if not numbered:
        return []
    numbers = [number for number, _ in numbered]
    texts = dict(zip(header.columns, zip(*(row for _, row in numbered), strict=True), strict=True))
    refused: set[int] = set()
    values = {column: _read_column(column, cells, numbers, refused, refusals) for column, cells in texts.items()}
    starts, ends = _periods(values, numbers, refused, refusals)
    _compare_months(values, numbers, refused, refusals)
    records = zip(
        numbers,
        values[Column.CUSTOMER_NUMBER],
        values[Column.NAME_KANJI],
        values[Column.NAME_KANA],
        values[Column.PHONE],
        values.get(Column.EMAIL) or repeat(None),
        values[Column.SERVICE_LOCATION],
        values[Column.BILLING_MONTH],
        starts,
        ends,
        values[Column.USAGE_KWH],
        values[Column.AMOUNT],
        values[Column.BILL_NUMBER],
        values[Column.CONFIRMED_ON],
        strict=False,  # an absent e-mail column repeats for ever
    )
    return [record for record in records if record[0] not in refused] if refused else list(records)


def _whole_rows(lines: Sequence[str], *, first_line: int, header: Header, refusals: Refusals) -> list[tuple[int, Row]]:
    width = len(header.columns)
    rows = []
    for number, row in enumerate(_split(lines, header.delimiter), start=first_line):
        if row is None:
            refusals.add(Refusal(line=number, column=None, code=RefusalCode.BROKEN_QUOTES))
        elif len(row) == width and any(row):
            rows.append((number, row))
        elif any(row) and row != _END_OF_FILE:
            refusals.add(_ragged(number, len(row), width))
    return rows


def _split(lines: Sequence[str], delimiter: str) -> Iterator[Row | None]:
    """A row a line. A line break inside quotes is no cell of ours, so a quote left open spoils its line only."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        rows = []
    if len(rows) == len(lines):
        return iter(rows)
    return (_split_alone(line, delimiter) for line in lines)


def _split_alone(line: str, delimiter: str) -> Row | None:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _ragged(number: int, found: int, wanted: int) -> Refusal:
    code = RefusalCode.TOO_FEW_CELLS if found < wanted else RefusalCode.TOO_MANY_CELLS
    return Refusal(line=number, column=None, code=code, value_hint=f"{found}/{wanted}")


def _read_column(
    column: Column, cells: Sequence[str], numbers: Sequence[int], refused: set[int], refusals: Refusals
) -> Sequence[object]:
    """All values at C speed; only a block with a fault is gone through again cell by cell."""
    read_plainly = PLAIN_READERS.get(column)
    if read_plainly is not None and (values := read_plainly(cells)) is not None:
        return values
    try:
        return list(map(_READERS[column], cells))
    except CellRefusedError:
        return [_read_one(column, text, number, refused, refusals) for number, text in zip(numbers, cells, strict=True)]


def _read_one(column: Column, text: str, number: int, refused: set[int], refusals: Refusals) -> object:
    try:
        return _READERS[column](text)
    except CellRefusedError as error:
        refused.add(number)
        hint = shown(text) if column in QUOTABLE and text.strip() else None
        refusals.add(Refusal(line=number, column=column, code=error.code, value_hint=hint))
        return None


def _compare_months(
    values: Mapping[Column, Sequence[object]], numbers: Sequence[int], refused: set[int], refusals: Refusals
) -> None:
    """Refuse a month that was not confirmed within a year of it: a slip of the pen would be asked for at once."""
    pairs = list(zip(values[Column.BILLING_MONTH], values[Column.CONFIRMED_ON], strict=True))
    far = {pair for pair in set(pairs) if isinstance(pair[0], str) and is_far_away(pair[0], pair[1])}
    for number, pair in zip(numbers, pairs, strict=True) if far else ():
        if pair in far:
            refused.add(number)
            hint = f"{pair[0]}, {pair[1]}"
            refusals.add(
                Refusal(line=number, column=Column.BILLING_MONTH, code=RefusalCode.MONTH_FAR_AWAY, value_hint=hint)
            )


def _periods(
    values: Mapping[Column, Sequence[object]], numbers: Sequence[int], refused: set[int], refusals: Refusals
) -> tuple[Sequence[object], Sequence[object]]:
    """First and last days, from one column or from two."""
    if Column.PERIOD in values:
        pairs = [pair or (None, None) for pair in values[Column.PERIOD]]
        return tuple(zip(*pairs, strict=True))
    starts, ends = values[Column.PERIOD_FROM], values[Column.PERIOD_TO]
    for number, first, last in zip(numbers, starts, ends, strict=True):
        if isinstance(first, date) and isinstance(last, date):
            try:
                check_period(first, last)
            except CellRefusedError as error:
                refused.add(number)
                hint = f"{first}〜{last}"
                refusals.add(Refusal(line=number, column=Column.PERIOD, code=error.code, value_hint=hint))
    return starts, ends
