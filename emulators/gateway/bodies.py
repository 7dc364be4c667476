"""Reads JSON bodies and query strings strictly: a wrong or an unknown parameter is refused."""

import json
from collections.abc import Mapping
from typing import Never

from aiohttp import web

from emulators.gateway.errors import invalid


class Body:
    """The parameters of one call; `finish` refuses what nobody read."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self._raw = dict(raw)

    def text(self, name: str, *, longest: int = 255) -> str:
        """Take a non-empty string."""
        value = self._take(name)
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise invalid(f"{name} must be a string of 1 to {longest} characters")
        return value

    def optional_text(self, name: str, *, longest: int = 2000) -> str | None:
        """Take a string that may be absent or null."""
        return self.text(name, longest=longest) if self.has(name) else None

    def whole(self, name: str, *, least: int, most: int) -> int:
        """Take an integer; 1.0, "1" and true are not integers."""
        value = self._take(name)
        if type(value) is not int or not least <= value <= most:
            raise invalid(f"{name} must be an integer from {least} to {most}")
        return value

    def number(self, name: str, *, least: float, most: float) -> float:
        """Take a number; true is none."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(f"{name} must be a number")
        if not least <= value <= most:
            raise invalid(f"{name} must be from {least} to {most}")
        return float(value)

    def rows(self, name: str) -> "list[Body]":
        """Take a list of objects."""
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise invalid(f"{name} must be a list of objects")
        return [Body(row) for row in value]

    def values(self, name: str) -> list[object]:
        """Take a list of anything."""
        value = self._take(name)
        if not isinstance(value, list):
            raise invalid(f"{name} must be a list")
        return list(value)

    def has(self, name: str) -> bool:
        """Tell whether the parameter was given and is not null; a null one is passed over."""
        if self._raw.get(name) is not None:
            return True
        self._raw.pop(name, None)
        return False

    def flag(self, name: str) -> bool:
        """Take true or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise invalid(f"{name} must be true or false")
        return value

    def labels(self, name: str) -> dict[str, str]:
        """Take an object of strings, at most 20; absent means empty."""
        value = self._raw.pop(name, {})
        if not isinstance(value, dict) or len(value) > 20:  # noqa: PLR2004 - said in the message
            raise invalid(f"{name} must be an object of at most 20 strings")
        if not all(isinstance(text, str) for text in value.values()):
            raise invalid(f"{name} must hold strings only")
        return {str(key): str(text) for key, text in value.items()}

    def finish(self) -> None:
        """Refuse parameters that this call does not know."""
        if self._raw:
            raise invalid(f"unknown parameter: {min(self._raw)}", code="parameter_unknown")

    def _take(self, name: str) -> object:
        if name not in self._raw:
            raise invalid(f"{name} is required", code="parameter_missing")
        return self._raw.pop(name)


async def read_body(request: web.Request) -> Body:
    """Return the JSON object that `request` carries; an empty body is an empty object."""
    raw = parse(await request.read())
    if not isinstance(raw, dict):
        raise invalid("the body must be a JSON object", code="body_invalid")
    return Body(raw)


def parse(raw: bytes) -> object:
    """Parse strict JSON in UTF-8; an empty body is an empty object."""
    if not raw:
        return {}
    try:
        parsed: object = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise invalid("the body must be JSON in UTF-8", code="body_invalid") from error
    return parsed


def read_query(request: web.Request, *, allowed: frozenset[str]) -> dict[str, str]:
    """Return the query's parameters, each at most once and each one of `allowed`."""
    query = dict(request.query)
    if len(query) != len(request.query):
        raise invalid("a parameter was given twice")
    if unknown := query.keys() - allowed:
        raise invalid(f"unknown parameter: {min(unknown)}", code="parameter_unknown")
    return {name: value for name, value in query.items() if value}


def whole_in_query(query: Mapping[str, str], name: str, *, least: int, most: int) -> int | None:
    """Return the integer parameter `name` of a query, or None if it is absent."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:  # noqa: PLR2004 - longer numbers are out of every range
        raise invalid(f"{name} must be an integer from {least} to {most}")
    return int(text)


def _refuse_constant(name: str) -> Never:
    raise ValueError(name)
