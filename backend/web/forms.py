"""Reads what people type: a small form body, digits in any width, numbers as they are written on a bill."""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from backend.domain.bill_refusal import CellRefusedError
from backend.usecases.bill_file.cells import read_customer_number
from backend.usecases.bill_file.phones import read_phone

LARGEST_FORM_BYTES = 64 * 1024
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
_LONGEST_VALUE = 500
_TAIL_LENGTH = 4
_PHONE_LENGTHS = (10, 11)
_BETWEEN_DIGITS = re.compile(r"[\s\-‐‑‒–—―−ー()]")


class BadFormError(Exception):
    """The body is no form that our pages send: broken text, a field twice, too many or too long."""


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The fields of a posted form.

    Raises:
        BadFormError: see there.
        HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge: another kind of body, or more than 64 kB.
    """
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType
    if (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise BadFormError("another charset")
    body = await request.read()
    if len(body) > LARGEST_FORM_BYTES:
        raise web.HTTPRequestEntityTooLarge(max_size=LARGEST_FORM_BYTES, actual_size=len(body))
    return _fields(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        raise BadFormError("cannot be read") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or not all(_is_plain(text) for pair in pairs for text in pair):
        raise BadFormError("a field twice, or an odd text")
    return fields


def _is_plain(text: str) -> bool:
    return len(text) <= _LONGEST_VALUE and "\0" not in text


def digits(text: str, *, length: int) -> str | None:
    """ASCII digits of exactly this length, from full-width ones and with blanks or hyphens between; else None."""
    folded = _folded(text)
    return folded if len(folded) == length and _is_number(folded) else None


def last_four(text: str) -> str | None:
    """The last four digits of a telephone number; who types the whole number (0, then 9 or 10 digits) means them."""
    folded = _folded(text)
    if len(folded) in _PHONE_LENGTHS and folded.startswith("0") and _is_number(folded):
        return folded[-_TAIL_LENGTH:]
    return digits(text, length=_TAIL_LENGTH)


def _folded(text: str) -> str:
    return _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", text))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def customer_number(text: str) -> str | None:
    """A customer number as bills are imported with it; None when it cannot be one."""
    try:
        return read_customer_number(text)
    except CellRefusedError:
        return None


def mobile_phone(text: str) -> str | None:
    """E.164 of a Japanese mobile number; None when it cannot get an SMS."""
    try:
        return read_phone(text)
    except CellRefusedError:
        return None
