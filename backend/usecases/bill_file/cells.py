"""Reads one cell each: text in, value out, or a refusal with its code. Keys are folded (NFKC), names kept as sent."""

import re
import unicodedata
from functools import lru_cache

from backend.domain.bill_refusal import CellRefusedError, RefusalCode

_REMEMBERED = 8_192
LONGEST_NAME = 100
LONGEST_PLACE = 200
_LONGEST_EMAIL = 254
_LEAST_YEN, _MOST_YEN = 1, 9_999_999
# Whatever is longer is no number; keeps NFKC and int() off absurd input.
_LONGEST_NUMBER = 40

_CUSTOMER_NUMBER = re.compile(r"[0-9A-Za-z]{4,20}")
_BILL_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_./\-]{0,39}")
_JOINTS = re.compile(r"[\s\-‐‑‒–—―−ー]")
# ASCII digits only: int() would also take other scripts' digits (f65). CP932 prints its backslash as a yen sign.
_AMOUNT = re.compile(r"[¥\\]?\s*([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)\s*円?")
_USAGE = re.compile(r"([0-9]{1,6}|[0-9]{1,3},[0-9]{3})(?:\.([0-9])0*)?\s*(?:kwh)?", re.IGNORECASE)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
IDEOGRAPH = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003FFFF]")
# Not said here: unassigned code points; they may be kanji newer than this Python.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def read_customer_number(text: str) -> str:
    """4 to 20 ASCII letters and digits; spaces and hyphens dropped, leading zeros kept."""
    if _CUSTOMER_NUMBER.fullmatch(text):
        return text
    found = _CUSTOMER_NUMBER.fullmatch(_JOINTS.sub("", _folded(text)))
    if found is None:
        raise CellRefusedError(RefusalCode.NOT_A_CUSTOMER_NUMBER)
    return found[0]


def read_bill_number(text: str) -> str:
    """Up to 40 ASCII letters, digits and - _ . /; leading zeros kept."""
    if _BILL_NUMBER.fullmatch(text):
        return text
    found = _BILL_NUMBER.fullmatch(_folded(text))
    if found is None:
        raise CellRefusedError(RefusalCode.NOT_A_BILL_NUMBER)
    return found[0]


def read_name(text: str) -> str:
    """A name as sent, up to 100 letters, without the blanks around it."""
    return _plain_text(text, longest=LONGEST_NAME)


def read_kana(text: str) -> str:
    """A name without kanji: what a wrongly decoded or shifted column nearly always shows."""
    name = _plain_text(text, longest=LONGEST_NAME)
    if IDEOGRAPH.search(name):
        raise CellRefusedError(RefusalCode.NOT_KANA)
    return name


def read_place(text: str) -> str:
    """A place of use as sent, up to 200 letters."""
    return _plain_text(text, longest=LONGEST_PLACE)


def read_email(text: str) -> str | None:
    """An address that looks like one, or None for an empty cell; only a mail can prove more."""
    if not text or text.isspace():
        return None
    if _EMAIL.fullmatch(text) and len(text) <= _LONGEST_EMAIL:
        return text
    folded = _folded(text)
    if len(folded) > _LONGEST_EMAIL or _EMAIL.fullmatch(folded) is None:
        raise CellRefusedError(RefusalCode.NOT_AN_EMAIL)
    return folded


@lru_cache(maxsize=_REMEMBERED)
def read_amount(text: str) -> int:
    """Whole yen, tax included: 5000, 5,000, ￥5,000, ５０００円."""
    found = _AMOUNT.fullmatch(_number(text, RefusalCode.NOT_AN_AMOUNT))
    if found is None:
        raise CellRefusedError(RefusalCode.NOT_AN_AMOUNT)
    amount = int(found[1].replace(",", ""))
    if not _LEAST_YEN <= amount <= _MOST_YEN:
        raise CellRefusedError(RefusalCode.AMOUNT_OUT_OF_RANGE)
    return amount


@lru_cache(maxsize=_REMEMBERED)
def read_usage(text: str) -> int:
    """Tenths of a kWh: 312, 312.5, 1,234.5kWh; at most one decimal, since the ledger holds no more."""
    found = _USAGE.fullmatch(_number(text, RefusalCode.NOT_A_USAGE))
    if found is None:
        raise CellRefusedError(RefusalCode.NOT_A_USAGE)
    return int(found[1].replace(",", "")) * 10 + int(found[2] or 0)


def _number(text: str, otherwise: RefusalCode) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise CellRefusedError(otherwise)
    return _folded(text)


def _folded(text: str) -> str:
    if not text or text.isspace():
        raise CellRefusedError(RefusalCode.EMPTY)
    return unicodedata.normalize("NFKC", text).strip()


def _plain_text(text: str, *, longest: int) -> str:
    name = text.strip()
    if not name:
        raise CellRefusedError(RefusalCode.EMPTY)
    if len(name) > longest:
        raise CellRefusedError(RefusalCode.TOO_LONG)
    # The ideographic space counts as unprintable; everything else that does deserves the closer look.
    if not name.replace("\u3000", " ").isprintable() and any(map(_is_refused, name)):
        raise CellRefusedError(RefusalCode.CONTROL_CHARACTER)
    return name


def _is_refused(letter: str) -> bool:
    return unicodedata.category(letter) in _REFUSED_CATEGORIES
