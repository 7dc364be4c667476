"""Keeps card numbers out: masks them in whatever a customer writes, before anything is stored (f77, I9)."""

import re
import unicodedata

# 13 to 19 digits, each perhaps followed by a space, a hyphen or the like. Linear: one class, one bounded repeat.
_DIGITS = re.compile(r"\d(?:[\s\-_.,/・ー－‐–—]{0,3}\d){12,18}")
_MASKED = re.compile(r"\*{9,15}\d{4}")


def mask_cards(said: str) -> str:
    """The same text with every plausible card number reduced to stars and its last four digits.

    Full-width digits count; a number that fails the card check digit (a customer number, say) stays.
    """
    folded = unicodedata.normalize("NFKC", said)
    if not _DIGITS.search(folded):
        return said
    return _DIGITS.sub(_masked, folded)


def has_masked_card(said: str) -> bool:
    """Whether a card number was taken out of this text."""
    return bool(_MASKED.search(said))


def _masked(match: re.Match[str]) -> str:
    digits = "".join(character for character in match.group() if character.isdecimal())
    if not _passes_luhn(digits):
        return match.group()
    return "*" * (len(digits) - 4) + digits[-4:]


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the check digit's rule
    return total % 10 == 0
