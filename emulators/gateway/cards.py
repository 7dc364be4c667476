"""The test numbers as data: which card number does what. No other number is taken."""

from dataclasses import dataclass, field
from enum import StrEnum


class Brand(StrEnum):
    """Brands on cards; the first five are accepted (R01), the others only recognised."""

    VISA = "visa"
    MASTERCARD = "mastercard"
    JCB = "jcb"
    AMEX = "amex"
    DINERS = "diners"
    DISCOVER = "discover"
    UNIONPAY = "unionpay"


ACCEPTED_BRANDS = frozenset({Brand.VISA, Brand.MASTERCARD, Brand.JCB, Brand.AMEX, Brand.DINERS})


class DeclineCode(StrEnum):
    """Why a registration or a charge was declined."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    PROCESSING_ERROR = "processing_error"
    DO_NOT_HONOR = "do_not_honor"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    INVALID_NUMBER = "invalid_number"
    UNACCEPTABLE_BRAND = "unacceptable_brand"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    RESTRICTED_CARD = "restricted_card"
    AUTHENTICATION_REQUIRED = "authentication_required"
    AUTHENTICATION_FAILED = "authentication_failed"


class Advice(StrEnum):
    """What the issuer advises after a declined charge."""

    TRY_AGAIN_LATER = "try_again_later"
    DO_NOT_TRY_AGAIN = "do_not_try_again"
    USE_ANOTHER_CARD = "use_another_card"


ADVICE = {
    DeclineCode.INSUFFICIENT_FUNDS: Advice.TRY_AGAIN_LATER,
    DeclineCode.PROCESSING_ERROR: Advice.TRY_AGAIN_LATER,
    DeclineCode.DO_NOT_HONOR: Advice.TRY_AGAIN_LATER,
    DeclineCode.EXPIRED_CARD: Advice.USE_ANOTHER_CARD,
    DeclineCode.INCORRECT_CVC: Advice.USE_ANOTHER_CARD,
    DeclineCode.INVALID_NUMBER: Advice.USE_ANOTHER_CARD,
    DeclineCode.UNACCEPTABLE_BRAND: Advice.USE_ANOTHER_CARD,
    DeclineCode.RESTRICTED_CARD: Advice.USE_ANOTHER_CARD,
    DeclineCode.LOST_CARD: Advice.DO_NOT_TRY_AGAIN,
    DeclineCode.STOLEN_CARD: Advice.DO_NOT_TRY_AGAIN,
}


class Challenge(StrEnum):
    """What 3-D Secure does when the card is registered."""

    FRICTIONLESS = "frictionless"
    ATTEMPTED = "attempted"
    ASKS = "asks"
    ALWAYS_FAILS = "always_fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one test card answers; kept with a registered card in place of its number."""

    challenge: Challenge = Challenge.FRICTIONLESS
    refused_at_registration: DeclineCode | None = None
    declines_charges: DeclineCode | None = None
    charges_before_declines: int = 0
    asks_when_present: bool = False
    declines_when_absent: DeclineCode | None = None
    refuses_merchant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TestNumber:
    """A card number that the sandbox knows."""

    brand: Brand
    behaviour: Behaviour = field(default_factory=Behaviour)


def _visa(**behaviour: Challenge | DeclineCode | int | None) -> TestNumber:
    return TestNumber(brand=Brand.VISA, behaviour=Behaviour(**behaviour))  # type: ignore[arg-type]


TEST_NUMBERS = {
    "4242424242424242": _visa(),
    "5555555555554444": TestNumber(brand=Brand.MASTERCARD),
    "3530111333300000": TestNumber(brand=Brand.JCB),
    "378282246310005": TestNumber(brand=Brand.AMEX),
    "36227206271667": TestNumber(brand=Brand.DINERS),
    "38520000023237": TestNumber(brand=Brand.DINERS, behaviour=Behaviour(challenge=Challenge.ATTEMPTED)),
    "4000002500003155": _visa(challenge=Challenge.ASKS),
    "4000008400001629": _visa(challenge=Challenge.ALWAYS_FAILS),
    "4000000000000002": _visa(refused_at_registration=DeclineCode.DO_NOT_HONOR),
    "4000000000000069": _visa(refused_at_registration=DeclineCode.EXPIRED_CARD),
    "4000000000000127": _visa(refused_at_registration=DeclineCode.INCORRECT_CVC),
    "4000000000000119": _visa(refused_at_registration=DeclineCode.PROCESSING_ERROR),
    "4000000000000341": _visa(declines_charges=DeclineCode.DO_NOT_HONOR),
    "4000000000009995": _visa(declines_charges=DeclineCode.INSUFFICIENT_FUNDS),
    "4000000000009979": _visa(declines_charges=DeclineCode.STOLEN_CARD),
    "4000000000009987": _visa(declines_charges=DeclineCode.INSUFFICIENT_FUNDS, charges_before_declines=1),
    "4000000000009961": _visa(declines_charges=DeclineCode.EXPIRED_CARD),
    "4000000000009953": _visa(refuses_merchant=True),
    "4000003800000446": _visa(asks_when_present=True),
    "4000002760003184": _visa(asks_when_present=True, declines_when_absent=DeclineCode.AUTHENTICATION_REQUIRED),
    "6011111111111117": TestNumber(brand=Brand.DISCOVER),
    "6200000000000005": TestNumber(brand=Brand.UNIONPAY),
}
