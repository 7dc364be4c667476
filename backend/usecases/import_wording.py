"""Says an import's outcome in Japanese, for every door that imports; the words are templates/import/messages.toml."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from backend.domain.bill_refusal import Column, Refusal, RefusalCode
from backend.usecases.bill_file.header import column_names
from backend.usecases.import_bills import ImportReport

MESSAGES_FILE = Path(__file__).resolve().parents[2] / "templates" / "import" / "messages.toml"
_SHOWN = 1_000  # more is no help on a screen
# Faults that lie in no single cell name no column before their reason.
_NAMES_ITS_COLUMN = {RefusalCode.MISSING_COLUMN, RefusalCode.DUPLICATE_COLUMN}
# The reason itself quotes the hint.
_QUOTES_ITS_HINT = {
    RefusalCode.ENCODING,
    RefusalCode.UNKNOWN_COLUMN,
    RefusalCode.TOO_FEW_CELLS,
    RefusalCode.TOO_MANY_CELLS,
    RefusalCode.REPEATED_LINE,
    RefusalCode.REPEATED_BILL_NUMBER,
    RefusalCode.REPEATED_MONTH,
}


@cache
def import_messages(source: Path = MESSAGES_FILE) -> Mapping[str, Mapping[str, str]]:
    """The sentences by section and key."""
    return tomllib.loads(source.read_text(encoding="utf-8"))


def refusal_sentence(refusal: Refusal) -> str:
    """`12行目 携帯電話番号: 11桁の携帯電話番号で入力してください(例 09012345678)`."""
    where = import_messages()["report"]["line"].format(line=refusal.line)
    if refusal.column is not None and refusal.code not in _NAMES_ITS_COLUMN:
        where = f"{where} {_label(refusal.column)}"
    return f"{where}: {refusal_reason(refusal)}"


def refusal_reason(refusal: Refusal) -> str:
    """Why, and what to do; what the file said comes last in 「」."""
    column = "" if refusal.column is None else _label(refusal.column)
    hint = refusal.value_hint or ""
    reason = import_messages()["refusals"][refusal.code].format(column=column, hint=hint)
    return f"{reason}「{hint}」" if hint and refusal.code not in _QUOTES_ITS_HINT else reason


def report_lines(report: ImportReport) -> Iterator[str]:
    """The report for people, refusals first; of a long list only the beginning."""
    words = import_messages()["report"]
    if report.is_dry_run:
        yield from _preview(report)
    if not report.is_accepted:
        yield from map(refusal_sentence, report.refusals[:_SHOWN])
        if (rest := len(report.refusals) - _SHOWN) > 0:
            yield words["listed_until"].format(count=f"{rest:,}", listed=f"{_SHOWN:,}")
        yield words["refused"].format(count=f"{len(report.refusals):,}")
        return
    yield words["dry_run" if report.is_dry_run else "accepted"]
    yield words["bills"].format(
        new=f"{report.new_bills:,}",
        unchanged=f"{report.unchanged_bills:,}",
        amended=f"{report.amended_bills:,}",
    )
    yield words["accounts"].format(
        new=f"{report.new_accounts:,}", updated=f"{report.updated_accounts:,}", phones=f"{report.new_phones:,}"
    )
    if report.undone_requests:
        yield words["undone"].format(count=f"{report.undone_requests:,}")


def _preview(report: ImportReport) -> Iterator[str]:
    """How the file was read, so that wrongly read letters are seen before they are imported (f64)."""
    words, first = import_messages()["report"], report.first_line
    if report.encoding is not None:
        yield words["encoding"].format(encoding=import_messages()["encodings"][report.encoding])
    if first is not None:
        yield words["first_line"].format(name=first.name_kanji, place=first.service_location)


def report_json(report: ImportReport) -> Iterator[str]:
    """The whole report for machines as lines of JSON, one a refusal. Codes are stable, sentences are not."""
    # Line by line: the text of a long list at once would be many times the size of the list.
    *head, last, _brace = json.dumps(_summary(report), ensure_ascii=False, indent=2).splitlines()
    yield from head
    yield f"{last},"
    yield '  "refusals": ['
    for number, refusal in enumerate(report.refusals, start=1):
        comma = "," if number < len(report.refusals) else ""
        yield f"    {json.dumps(_refusal_data(refusal), ensure_ascii=False)}{comma}"
    yield "  ]"
    yield "}"


def _summary(report: ImportReport) -> dict[str, object]:
    return {
        "accepted": report.is_accepted,
        "dry_run": report.is_dry_run,
        "encoding": report.encoding,
        "lines": report.lines,
        "bills": {
            "new": report.new_bills,
            "unchanged": report.unchanged_bills,
            "amended": report.amended_bills,
        },
        "accounts": {
            "new": report.new_accounts,
            "updated": report.updated_accounts,
            "new_phones": report.new_phones,
        },
        "undone_requests": report.undone_requests,
        "refused": len(report.refusals),
    }


def _refusal_data(refusal: Refusal) -> dict[str, object]:
    return {
        "line": refusal.line,
        "column": None if refusal.column is None else refusal.column.value,
        "code": refusal.code.value,
        "value": refusal.value_hint,
        "reason": refusal_reason(refusal),
    }


def _label(column: Column) -> str:
    return column_names()[column].label
