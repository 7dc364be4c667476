"""Makes spellings of the same words equal: width, case, kana script, punctuation; understands nothing."""

import re
import unicodedata

MOST_CHARACTERS = 5000
# Katakana a..vu, hiragana's twins 0x60 below.
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_NOT_A_WORD = re.compile(r"[^\w]+")
_BREAK = re.compile(r"[\n.!?;,\u3001\u3002\uff01\uff1f\uff0c\uff0e]+")


def fold(text: str) -> str:
    """NFKC (half-width kana, full-width digits), lower case, hiragana, without punctuation, spaces and emoji."""
    plain = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).lower().translate(_TO_HIRAGANA)
    return _NOT_A_WORD.sub("", plain).replace("_", "")


def clauses(text: str) -> tuple[str, ...]:
    """The whole text and each of its sentences, folded: a question often hides behind a story."""
    cut = text[:MOST_CHARACTERS]
    parts = [folded for part in _BREAK.split(cut) if (folded := fold(part))]
    whole = "".join(parts)
    return (whole, *parts) if len(parts) > 1 else (whole,)
