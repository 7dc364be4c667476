"""How long an SMS is and which variant of a text fits; never shortens a text by cutting it."""

import math
import re
from collections.abc import Sequence

from bot.placeholders import at_real_length

UNITS_OF_TWO_SEGMENTS = 134
UNITS_OF_AN_ADDRESS = 58  # the longest below an SMS, with its line break
MOST_UNITS = 670  # carriers and aggregators (channels.md section 7)
_ONE, _PART = 70, 67
_GSM_ONE, _GSM_PART = 160, 153
_GSM7 = re.compile(r"^[A-Za-z0-9 \r\n@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,\-./:;<=>?¡ÄÖÑÜ§¿äöñüà]*$")


class SmsTooLongError(Exception):
    """No variant of this SMS fits its budget; shorten the last variant of its template."""


def sms_units(text: str) -> int:
    """The length in UTF-16 code units, with every placeholder at the length of what replaces it."""
    return len(at_real_length(text).encode("utf-16-le")) // 2


def sms_segments(text: str) -> int:
    """How many segments carriers bill: UCS-2 70, then 67 a part; pure GSM-7 text 160, then 153."""
    units = sms_units(text)
    one, part = (_GSM_ONE, _GSM_PART) if _GSM7.match(at_real_length(text)) else (_ONE, _PART)
    return 1 if units <= one else math.ceil(units / part)


def within_two_segments(variants: Sequence[str]) -> str:
    """The friendliest variant of at most two segments; the shortest one if an unusually long address prevents that.

    Tests hold every template to two segments with the longest plausible values; one costly SMS is still better than
    a month's run that stops at it.

    Raises:
        SmsTooLongError: carriers would refuse even the shortest variant.
    """
    fitting = [variant for variant in variants if sms_units(variant) <= UNITS_OF_TWO_SEGMENTS]
    return fitting[0] if fitting else first_that_fits(variants[-1:], units=MOST_UNITS)


def first_that_fits(variants: Sequence[str], *, units: int) -> str:
    """The first, i.e. friendliest, variant of at most `units`.

    Raises:
        SmsTooLongError: none does.
    """
    for variant in variants:
        if sms_units(variant) <= units:
            return variant
    raise SmsTooLongError(f"the shortest variant has {sms_units(variants[-1])} units, allowed are {units}")
