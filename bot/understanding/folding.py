"""Makes spellings of the same words equal: width, case, kana script, punctuation; understands nothing."""

import re
import unicodedata

MOST_CHARACTERS = 5000
MOST_SENTENCES = 40  # the last ones: what is asked comes after the story
# Katakana a..vu, hiragana's twins 0x60 below.
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_NOT_A_WORD = re.compile(r"[\W_]+")
_SYMBOL = re.compile(r"[a-z0-9']+|\w")
_BREAK = re.compile(r"[\n.!?;,\u3001\u3002\uff01\uff1f\uff0c\uff0e]+")


def fold(text: str) -> str:
    """NFKC (half-width kana, full-width digits), lower case, hiragana, without punctuation, spaces and emoji."""
    return _plain(text).replace(" ", "")


def clauses(text: str) -> tuple[tuple[str, ...], ...]:
    """The symbols of the whole text and of each of its sentences: a question often hides behind a story.

    A symbol is a Japanese character or a whole word in Latin letters or digits.
    """
    parts = [found for part in _BREAK.split(text[:MOST_CHARACTERS]) if (found := symbols(part))]
    whole = tuple(symbol for part in parts for symbol in part)
    if len(parts) < 2:  # noqa: PLR2004 - a single sentence is the whole
        return (whole,)
    return (whole, *tuple(dict.fromkeys(parts))[-MOST_SENTENCES:])


def symbols(text: str) -> tuple[str, ...]:
    """The folded text as a sequence of symbols."""
    return tuple(_SYMBOL.findall(_plain(text)))


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).lower().translate(_TO_HIRAGANA)
    return _NOT_A_WORD.sub(" ", plain)
