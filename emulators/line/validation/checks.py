"""Small checks that message shapes are put together from; each returns nothing or raises Invalid.

They are closures over their limits, so that an ordinary message costs a few dictionary look-ups.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

Check = Callable[[Any], None]
_MOST_WORDS = 1000


class Invalid(Exception):  # noqa: N818 - a finding about someone's message, not our failure
    """What is wrong with a message, and where; the place is collected on the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self._places: list[str] = []

    def under(self, place: str) -> None:
        """Say that the finding lies below `place` (a name, or `[3]`)."""
        self._places.append(place)

    @property
    def property(self) -> str:
        """The place in the platform's notation: messages[0].contents.body."""
        return ".".join(reversed(self._places)).replace(".[", "[")


def anything(_value: Any) -> None:
    """Accept every value."""


def shape(*, required: Collection[str] = (), **allowed: Check) -> Check:
    """Return a check of an object: which properties it must and may have."""
    table = {name: (_words_of(check), check) for name, check in allowed.items()}
    needed = tuple(required)

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise Invalid("must be an object")
        for name in needed:
            if name not in value:
                raise _placed(Invalid("must be specified"), name)
        for name, item in value.items():
            entry = table.get(name)
            if entry is None:
                raise _placed(Invalid("unknown property"), name)
            if type(item) is str and item in entry[0]:
                continue
            try:
                entry[1](item)
            except Invalid as problem:
                problem.under(name)
                raise

    return check


def by_type(shapes: Mapping[str, Check]) -> Check:
    """Return a check that picks the shape by the object's `type` (shapes may be filled later)."""

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise Invalid("must be an object")
        kind = value.get("type")
        inner = shapes.get(kind) if type(kind) is str else None
        if inner is None:
            choices = ", ".join(shapes)
            message = f"Must be one of the following values: [{choices}]"
            raise _placed(Invalid(message), "type")
        inner(value)

    return check


def listing(item: Check, *, least: int = 0, most: int | None = None) -> Check:
    """Return a check of an array: its size and every item."""
    bound = f"Size must be between {least} and {most}"

    def check(value: Any) -> None:
        if type(value) is not list:
            raise Invalid("must be an array")
        if len(value) < least or (most is not None and len(value) > most):
            raise Invalid(bound)
        for index, element in enumerate(value):
            try:
                item(element)
            except Invalid as problem:
                problem.under(f"[{index}]")
                raise

    return check


def utf16_text(*, most: int, least: int = 1) -> Check:
    """Return a check of a text whose length is counted in UTF-16 code units."""
    bound = f"Length must be between {least} and {most}"

    def check(value: Any) -> None:
        if type(value) is not str:
            raise Invalid("must be a string")
        if len(value) < least:
            raise Invalid("May not be empty")
        if len(value) * 2 > most and utf16_length(value) > most:
            raise Invalid(bound)

    return check


def grapheme_text(*, most: int, least: int = 1) -> Check:
    """Return a check of a text whose length is counted in characters as people see them."""
    bound = f"Length must be between {least} and {most}"

    def check(value: Any) -> None:
        if type(value) is not str:
            raise Invalid("must be a string")
        if len(value) < least:
            raise Invalid("May not be empty")
        if len(value) > most and grapheme_length(value) > most:
            raise Invalid(bound)

    return check


class Vocabulary:
    """A check of a text that comes from few words; a word seen to be right is remembered.

    `shape` looks into `words` first, which saves a call for nearly every property of a message.
    """

    __slots__ = ("_is_right", "_message", "words")

    def __init__(self, *, is_right: Callable[[str], object], message: str) -> None:
        self.words: set[str] = set()
        self._is_right = is_right
        self._message = message

    def __call__(self, value: Any) -> None:
        """Raise Invalid unless `value` is one of the words."""
        if type(value) is not str or not self._is_right(value):
            raise Invalid(self._message)
        if len(self.words) < _MOST_WORDS:
            self.words.add(value)


def one_of(*choices: str) -> Check:
    """Return a check of a text out of a fixed list."""
    message = f"Must be one of the following values: [{', '.join(choices)}]"
    return Vocabulary(is_right=frozenset(choices).__contains__, message=message)


def matching(pattern: str, *, message: str) -> Check:
    """Return a check of a text against a pattern."""
    return Vocabulary(is_right=re.compile(pattern).fullmatch, message=message)


def boolean(value: Any) -> None:
    """Accept true and false."""
    if type(value) is not bool:
        raise Invalid("must be a boolean")


def integer(*, least: int, most: int) -> Check:
    """Return a check of a whole number in a range."""
    bound = f"must be between {least} and {most}"

    def check(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise Invalid(bound)

    return check


def number(value: Any) -> None:
    """Accept a number."""
    if type(value) not in (int, float):
        raise Invalid("must be a number")


def uri(*schemes: str, most: int) -> Check:
    """Return a check of a percent-encoded URI with one of the schemes."""
    allowed = frozenset(schemes)

    def check(value: Any) -> None:
        if type(value) is not str:
            raise Invalid("must be a string")
        if not 0 < len(value) <= most:
            raise Invalid(f"Length must be between 1 and {most}")
        if value.partition(":")[0].lower() not in allowed or not value.partition(":")[2]:
            raise Invalid("invalid uri scheme")
        if not value.isascii() or " " in value:
            raise Invalid("invalid uri: must be percent-encoded")

    return check


def both(*checks: Check) -> Check:
    """Return a check that runs several, in order."""

    def check(value: Any) -> None:
        for inner in checks:
            inner(value)

    return check


def utf16_length(text: str) -> int:
    """Count UTF-16 code units: an emoji is two."""
    return len(text) if text.isascii() else len(text) + sum(c > "\uffff" for c in text)


_ZERO_WIDTH_JOINER = "\u200d"
_INVISIBLE = frozenset({"Mn", "Me", "Mc"})


def grapheme_length(text: str) -> int:
    """Count characters as people see them (marks, joined emoji and flags count once)."""
    count, joined, open_flag = 0, False, False
    for char in text:
        is_flag = "\U0001f1e6" <= char <= "\U0001f1ff"
        is_tone = "\U0001f3fb" <= char <= "\U0001f3ff"
        if char == _ZERO_WIDTH_JOINER:
            joined = True
            continue
        extends = is_tone or unicodedata.category(char) in _INVISIBLE
        if not (extends or joined or (is_flag and open_flag)):
            count += 1
        open_flag = is_flag and not open_flag
        joined = joined and extends
    return count


def _words_of(check: Check) -> AbstractSet[str]:
    return check.words if isinstance(check, Vocabulary) else frozenset()


def _placed(problem: Invalid, place: str) -> Invalid:
    problem.under(place)
    return problem
