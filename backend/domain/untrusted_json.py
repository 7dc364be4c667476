"""Reads JSON that came from outside into what the database can hold (f74): one helper for all providers; pure."""

import json
import math
from collections.abc import Mapping
from typing import Any

_DEEPEST = 100  # levels; providers use fewer than ten
_LONGEST_NAME = 255  # characters of an id, so that every index can hold it


def read_object(body: bytes | str) -> Mapping[str, Any]:
    """The JSON object in these bytes or this text.

    Raises:
        ValueError: no JSON, no object, nested without end, or numbers without end.
    """
    try:
        value = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind of refusal
    return value


def storable(value: Any, *, depth: int = 0) -> Any:
    """The same JSON without what PostgreSQL cannot hold: NUL, half characters, numbers that are none.

    Raises:
        ValueError: nested too deeply to be a message of any provider.
    """
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "replace").decode()
        case dict():
            return {storable(name): storable(each, depth=depth + 1) for name, each in value.items()}
        case list():
            return [storable(each, depth=depth + 1) for each in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def identifier(value: object) -> str:
    """An id as a provider names a thing: a short printable text.

    Raises:
        ValueError: it is nothing that can name a thing.
    """
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise ValueError("no identifier")
    return value


def identifier_or_none(value: object) -> str | None:
    """The same where an odd id is as good as none."""
    try:
        return identifier(value)
    except ValueError:
        return None
