"""Finds out from a header which column is which; refuses what it does not know rather than guessing."""

import csv
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from backend.domain.bill_refusal import Column, Refusal, RefusalCode, shown

COLUMNS_FILE = Path(__file__).resolve().parents[3] / "templates" / "import" / "columns.toml"
_IGNORED = re.compile(r"[\s_\-.・/()\[\]{}<>【】「」『』〔〕〈〉《》]")
_PERIOD = {Column.PERIOD, Column.PERIOD_FROM, Column.PERIOD_TO}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """One column's Japanese name for people and the headers that mean it."""

    label: str
    aliases: tuple[str, ...]
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The file's columns from left to right, and what separates its cells."""

    columns: tuple[Column, ...]
    delimiter: str


@cache
def column_names(source: Path = COLUMNS_FILE) -> Mapping[Column, ColumnNames]:
    """Every column's names, from templates/import/columns.toml."""
    table = tomllib.loads(source.read_text(encoding="utf-8"))
    return {
        Column(key): ColumnNames(
            label=entry["label"],
            aliases=tuple(entry["aliases"]),
            is_optional=entry.get("optional", False),
        )
        for key, entry in table.items()
    }


def header_key(name: str) -> str:
    """What two headers are compared by: NFKC, case and the marks between words ignored."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", name).casefold())


def read_header(line: str) -> Header | tuple[Refusal, ...]:
    """Understand the first line, comma or tab separated; otherwise every fault of it."""
    candidates = [(_split(line, delimiter), delimiter) for delimiter in (",", "\t")]
    names, delimiter = max(candidates, key=lambda candidate: (_recognised(candidate[0]), len(candidate[0])))
    if len(names) == 1:
        return (_fault(RefusalCode.NO_SEPARATOR),)
    known = _known()
    faults = (*_unknown(names), *_repeated(names), *_missing({known.get(header_key(name)) for name in names}))
    if faults:
        return faults
    return Header(columns=tuple(known[header_key(name)] for name in names), delimiter=delimiter)


@cache
def _known() -> Mapping[str, Column]:
    return {
        header_key(alias): column
        for column, names in column_names().items()
        for alias in (*names.aliases, column.value)
    }


def _split(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return [line]


def _recognised(names: Sequence[str]) -> int:
    return sum(header_key(name) in _known() for name in names)


def _unknown(names: Sequence[str]) -> tuple[Refusal, ...]:
    return tuple(
        _fault(RefusalCode.UNKNOWN_COLUMN, hint=f"{place}: {shown(name.strip())}")
        for place, name in enumerate(names, start=1)
        if header_key(name) not in _known()
    )


def _repeated(names: Sequence[str]) -> tuple[Refusal, ...]:
    columns = Counter(_known().get(header_key(name)) for name in names)
    if columns[Column.PERIOD] and (columns[Column.PERIOD_FROM] or columns[Column.PERIOD_TO]):
        columns[Column.PERIOD] += 1  # two ways to say the same: which one is meant?
    return tuple(
        _fault(RefusalCode.DUPLICATE_COLUMN, column=column)
        for column, count in columns.items()
        if column is not None and count > 1
    )


def _missing(present: set[Column | None]) -> tuple[Refusal, ...]:
    absent = [
        column
        for column, names in column_names().items()
        if column not in present and column not in _PERIOD and not names.is_optional
    ]
    return tuple(_fault(RefusalCode.MISSING_COLUMN, column=column) for column in (*absent, *_missing_period(present)))


def _missing_period(present: set[Column | None]) -> tuple[Column, ...]:
    ends = (Column.PERIOD_FROM, Column.PERIOD_TO)
    if Column.PERIOD in present:
        return ()
    if not present & set(ends):
        return (Column.PERIOD,)
    return tuple(column for column in ends if column not in present)


def _fault(code: RefusalCode, *, column: Column | None = None, hint: str | None = None) -> Refusal:
    return Refusal(line=1, column=column, code=code, value_hint=hint)
