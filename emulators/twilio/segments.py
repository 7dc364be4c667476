"""How many SMS parts a text takes."""

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_TWICE = frozenset("\f^{}\\[~]|€")
_GSM7_SINGLE, _GSM7_PART = 160, 153
_UCS2_SINGLE, _UCS2_PART = 70, 67


def count_segments(text: str) -> int:
    """Return the number of parts: GSM-7 if every character is in it, UCS-2 otherwise."""
    letters = set(text)
    if letters <= _GSM7 | _GSM7_TWICE:
        widths = [2 if c in _GSM7_TWICE else 1 for c in text]
        return _parts(widths, single=_GSM7_SINGLE, part=_GSM7_PART)
    widths = [2 if c > "\uffff" else 1 for c in text]
    return _parts(widths, single=_UCS2_SINGLE, part=_UCS2_PART)


def _parts(widths: list[int], *, single: int, part: int) -> int:
    """A character that needs two units is never cut in half."""
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts
