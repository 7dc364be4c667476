"""Reads what a person typed about a card; nothing of it is kept or logged here."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from emulators.gateway.clock import JAPAN
from emulators.gateway.wording import FieldError

SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−ー]")
EXPIRY_FORMS = (
    re.compile(r"(?P<month>[0-9]{1,2})/(?P<year>[0-9]{2}|[0-9]{4})"),
    re.compile(r"(?P<month>[0-9]{2})(?P<year>[0-9]{2}|[0-9]{4})"),
    re.compile(r"(?P<year>[0-9]{4})[/-](?P<month>[0-9]{1,2})"),
    re.compile(r"(?P<month>[0-9]{1,2})-(?P<year>[0-9]{2}|[0-9]{4})"),
)
NAME_FORM = re.compile(r"[A-Za-z][A-Za-z .,'\-/]{0,44}")
LONGEST_TYPED = 100
YEARS_AHEAD = 20
NUMBER_LENGTHS = range(13, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEntry:
    """Well-formed card data; lives as long as the request that brought it."""

    number: str = field(repr=False)
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardForm:
    """A form as read: the entry, or an error by field; `kept` is safe to show again."""

    entry: CardEntry | None
    errors: Mapping[str, FieldError]
    kept: Mapping[str, str] = field(repr=False)


def read_card_form(typed: Mapping[str, str], *, now: datetime) -> CardForm:
    """Read the fields number, expiry, cvc and name as typed at `now`."""
    number = SEPARATORS.sub("", _plain(typed, "number"))
    expiry = read_expiry(_plain(typed, "expiry"))
    name = _plain(typed, "name")
    errors = {
        "number": _number_error(number),
        "expiry": _expiry_error(expiry, now=now),
        "cvc": _cvc_error(_plain(typed, "cvc")),
        "name": _name_error(name),
    }
    found = {where: error for where, error in errors.items() if error is not None}
    entry = None
    if expiry is not None and not found:
        entry = CardEntry(number=number, exp_month=expiry[0], exp_year=expiry[1])
    return CardForm(entry=entry, errors=found, kept=_kept(expiry=expiry, name=name))


def read_expiry(text: str) -> tuple[int, int] | None:
    """Return (month, year) of MM/YY, MMYY, MM/YYYY, MMYYYY or YYYY-MM; None if it is none."""
    squeezed = re.sub(r"\s", "", text)
    for form in EXPIRY_FORMS:
        if match := form.fullmatch(squeezed):
            month, year = int(match["month"]), int(match["year"])
            return (month, year if year > YEAR_OF_TWO_DIGITS else 2000 + year)
    return None


def is_expired(*, exp_month: int, exp_year: int, now: datetime) -> bool:
    """Tell whether a card's last month is over in Japan at `now`."""
    today = now.astimezone(JAPAN)
    return (exp_year, exp_month) < (today.year, today.month)


def passes_luhn(number: str) -> bool:
    """Tell whether the check digit of a string of ASCII digits is right."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)  # noqa: PLR2004 - two digits count as their sum
    return total % 10 == 0


YEAR_OF_TWO_DIGITS = 99


def _plain(typed: Mapping[str, str], name: str) -> str:
    """Return the field with full-width letters and digits made plain, cut at a sane length."""
    return unicodedata.normalize("NFKC", typed.get(name, "")[:LONGEST_TYPED]).strip()


def _number_error(number: str) -> FieldError | None:
    if not number:
        return FieldError.NUMBER_MISSING
    if not (number.isascii() and number.isdigit() and len(number) in NUMBER_LENGTHS):
        return FieldError.NUMBER_WRONG
    return None if passes_luhn(number) else FieldError.NUMBER_WRONG


def _expiry_error(expiry: tuple[int, int] | None, *, now: datetime) -> FieldError | None:
    if expiry is None or not 1 <= expiry[0] <= 12:  # noqa: PLR2004 - months
        return FieldError.EXPIRY_WRONG
    month, year = expiry
    if is_expired(exp_month=month, exp_year=year, now=now):
        return FieldError.EXPIRY_PAST
    return FieldError.EXPIRY_WRONG if year > now.year + YEARS_AHEAD else None


def _cvc_error(cvc: str) -> FieldError | None:
    return None if re.fullmatch(r"[0-9]{3,4}", cvc) else FieldError.CVC_WRONG


def _name_error(name: str) -> FieldError | None:
    if not name:
        return FieldError.NAME_MISSING
    if re.search(r"\d", name):
        return FieldError.NAME_HAS_DIGITS
    return None if NAME_FORM.fullmatch(name) else FieldError.NAME_WRONG


def _kept(*, expiry: tuple[int, int] | None, name: str) -> dict[str, str]:
    """Keep what is surely no card number: a read expiry, a name without digits."""
    kept = {"name": "" if re.search(r"\d", name) else name}
    if expiry is not None:
        kept["expiry"] = f"{expiry[0]:02d}/{expiry[1] % 100:02d}"
    return kept
