"""Takes a whole column at once when every cell is written the plain way; says None when one needs a closer look.

Only speed lives here: the answers are those of `cells` and `phones`, and a property test holds them equal.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from backend.domain.bill_refusal import Column
from backend.usecases.bill_file.cells import IDEOGRAPH, LONGEST_NAME, LONGEST_PLACE

_CUSTOMER_NUMBERS = re.compile(r"(?:[0-9A-Za-z]{4,20}\n)+")
_BILL_NUMBERS = re.compile(r"(?:[0-9A-Za-z][0-9A-Za-z_./\-]{0,39}\n)+")
_PHONES = re.compile(r"(?:0[6-9]0[1-9][0-9]{7}\n)+")
_EMAILS = re.compile(r"(?:(?:[A-Za-z0-9._+\-]{1,64}@(?:[A-Za-z0-9-]{1,30}\.){1,4}[A-Za-z]{2,20})\n)+")
_AMOUNTS = re.compile(r"(?:[1-9][0-9]{0,6}\n)+")
_USAGES = re.compile(r"(?:[0-9]{1,6}\.[0-9]\n)+")

PlainReader = Callable[[Sequence[str]], Sequence[object] | None]


def _as_sent(shape: re.Pattern[str]) -> PlainReader:
    return lambda cells: cells if shape.fullmatch(_joined(cells)) else None


def _phones(cells: Sequence[str]) -> Sequence[object] | None:
    digits = _joined(cells).replace("-", "")
    if _PHONES.fullmatch(digits) is None:
        return None
    return ["+81" + phone[1:] for phone in digits.splitlines()]


def _amounts(cells: Sequence[str]) -> Sequence[object] | None:
    return list(map(int, cells)) if _AMOUNTS.fullmatch(_joined(cells)) else None


def _usages(cells: Sequence[str]) -> Sequence[object] | None:
    usages = _joined(cells)
    return list(map(int, usages.replace(".", "").splitlines())) if _USAGES.fullmatch(usages) else None


def _texts(cells: Sequence[str], *, longest: int) -> Sequence[str] | None:
    texts = list(map(str.strip, cells))
    is_plain = all(texts) and max(map(len, texts)) <= longest and "".join(texts).replace("\u3000", " ").isprintable()
    return texts if is_plain else None


def _names(cells: Sequence[str]) -> Sequence[object] | None:
    return _texts(cells, longest=LONGEST_NAME)


def _kana(cells: Sequence[str]) -> Sequence[object] | None:
    texts = _texts(cells, longest=LONGEST_NAME)
    return texts if texts is not None and IDEOGRAPH.search("".join(texts)) is None else None


def _places(cells: Sequence[str]) -> Sequence[object] | None:
    return _texts(cells, longest=LONGEST_PLACE)


def _joined(cells: Sequence[str]) -> str:
    """Every cell on its own line. No cell holds a line break itself: `rows` splits line by line."""
    return "\n".join(cells) + "\n"


PLAIN_READERS: Mapping[Column, PlainReader] = {
    Column.CUSTOMER_NUMBER: _as_sent(_CUSTOMER_NUMBERS),
    Column.NAME_KANJI: _names,
    Column.NAME_KANA: _kana,
    Column.PHONE: _phones,
    Column.EMAIL: _as_sent(_EMAILS),
    Column.SERVICE_LOCATION: _places,
    Column.USAGE_KWH: _usages,
    Column.AMOUNT: _amounts,
    Column.BILL_NUMBER: _as_sent(_BILL_NUMBERS),
}
