"""Japanese mobile numbers as E.164; the one importer of phonenumbers in the import."""

import re
import unicodedata

import phonenumbers

from backend.domain.bill_refusal import CellRefusedError, RefusalCode

# phonenumbers takes 60 µs a number; what nearly every file holds is decided here. A test holds both equal.
_PLAIN = re.compile(r"(?:0|\+81)([6-9]0[1-9][0-9]{7})")
_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—―−ー", "-"))
# 020 counts as a pager there; domestic machine contracts with SMS have such numbers.
_MOBILE = {
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.PAGER,
}
_JAPAN = 81
_LONGEST = 30
_ALLOWED = re.compile(r"\+?[0-9()\- .]+")


def read_phone(text: str) -> str:
    """E.164 of a mobile number that can get an SMS: 020, 060, 070, 080 or 090.

    Raises:
        CellRefusedError: any other number, or none.
    """
    plain = _PLAIN.fullmatch(text.replace("-", ""))
    if plain is not None:
        return "+81" + plain[1]
    return read_odd_phone(text)


def read_odd_phone(text: str) -> str:
    """As `read_phone`, for every way of writing: full-width digits, brackets, +81 90 ..., a lost leading zero."""
    if not text or text.isspace():
        raise CellRefusedError(RefusalCode.EMPTY)
    folded = unicodedata.normalize("NFKC", text).strip().translate(_HYPHENS)
    # An international number without its plus has twelve digits, which no domestic one has.
    if _ALLOWED.fullmatch(folded) is None or len(folded) > _LONGEST:
        raise CellRefusedError(RefusalCode.NOT_A_MOBILE_PHONE)
    try:
        number = phonenumbers.parse(folded, "JP")
    except phonenumbers.NumberParseException:
        raise CellRefusedError(RefusalCode.NOT_A_MOBILE_PHONE) from None
    if number.country_code != _JAPAN or phonenumbers.number_type(number) not in _MOBILE:
        raise CellRefusedError(RefusalCode.NOT_A_MOBILE_PHONE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
