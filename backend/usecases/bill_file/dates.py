"""Months, days and periods as bill files write them; the calendar decides what exists, never a guess."""

import re
import unicodedata
from datetime import date
from functools import lru_cache

from backend.domain.bill_refusal import CellRefusedError, RefusalCode

# A file names few different days; one entry is some hundred bytes.
_REMEMBERED = 8_192
_LONGEST_PERIOD_DAYS = 366
_MONTHS_OF_A_YEAR = 12

_MONTH = re.compile(r"(20[0-9]{2})(?:[-/.](0?[1-9]|1[0-2])|年(0?[1-9]|1[0-2])月分?|(0[1-9]|1[0-2]))")
_DAY_TEXT = r"20[0-9]{2}(?:[-/.][0-9]{1,2}[-/.][0-9]{1,2}|年[0-9]{1,2}月[0-9]{1,2}日|[0-9]{4})"
_DAY = re.compile(r"(20[0-9]{2})(?:[-/.]|年)?([0-9]{1,2})(?:[-/.]|月)?([0-9]{1,2})日?")
_WHOLE_DAY = re.compile(_DAY_TEXT)
_PERIOD = re.compile(rf"({_DAY_TEXT})\s*(?:[~〜\-‐–—−ー/]|to|から)\s*({_DAY_TEXT})(?:まで)?", re.IGNORECASE)


@lru_cache(maxsize=_REMEMBERED)
def read_month(text: str) -> str:
    """`2026-11` for 2026-11, 2026/11, 2026年11月(分), 202611.

    Raises:
        CellRefusedError: not a month of this century.
    """
    found = _MONTH.fullmatch(_folded(text))
    if found is None:
        raise CellRefusedError(RefusalCode.NOT_A_MONTH)
    year, *month = found.groups()
    return f"{year}-{int(next(filter(None, month))):02}"


@lru_cache(maxsize=_REMEMBERED)
def read_day(text: str) -> date:
    """The day for 2026-11-08, 2026/11/8, 2026年11月8日, 20261108.

    Raises:
        CellRefusedError: not a day of the calendar.
    """
    folded = _folded(text)
    if _WHOLE_DAY.fullmatch(folded) is None:
        raise CellRefusedError(RefusalCode.NOT_A_DATE)
    return _day(folded)


@lru_cache(maxsize=_REMEMBERED)
def read_period(text: str) -> tuple[date, date]:
    """First and last day (both included) of a period such as 2026-10-05〜2026-11-04.

    Raises:
        CellRefusedError: not two days, or they do not make a period.
    """
    found = _PERIOD.fullmatch(_folded(text))
    if found is None:
        raise CellRefusedError(RefusalCode.NOT_A_PERIOD)
    first, last = _day(found[1]), _day(found[2])
    check_period(first, last)
    return first, last


def check_period(first: date, last: date) -> None:
    """Refuse a period that ends before it begins or is longer than a year.

    Raises:
        CellRefusedError: it does.
    """
    if first > last:
        raise CellRefusedError(RefusalCode.PERIOD_BACKWARDS)
    if (last - first).days > _LONGEST_PERIOD_DAYS:
        raise CellRefusedError(RefusalCode.PERIOD_TOO_LONG)


def is_far_away(month: str, confirmed_on: object) -> bool:
    """Whether more than a year lies between a billing month and the day on which its bill was confirmed."""
    if not isinstance(confirmed_on, date):
        return False
    months = (confirmed_on.year - int(month[:4])) * _MONTHS_OF_A_YEAR + confirmed_on.month - int(month[5:])
    return abs(months) > _MONTHS_OF_A_YEAR


def _folded(text: str) -> str:
    if not text or text.isspace():
        raise CellRefusedError(RefusalCode.EMPTY)
    return unicodedata.normalize("NFKC", text).strip()


def _day(text: str) -> date:
    if text.isdigit():
        year, month, day = text[:4], text[4:6], text[6:]
    else:
        found = _DAY.fullmatch(text)
        if found is None:
            raise CellRefusedError(RefusalCode.NOT_A_DATE)
        year, month, day = found.groups()
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise CellRefusedError(RefusalCode.NOT_A_DATE) from None
