"""Why a line of a bill file is refused, as data; the Japanese words live in templates/import/messages.toml."""

from dataclasses import dataclass
from enum import StrEnum


class Column(StrEnum):
    """The columns of a bill file. `period` stands for the two columns from and to."""

    CUSTOMER_NUMBER = "customer_number"
    NAME_KANJI = "name_kanji"
    NAME_KANA = "name_kana"
    PHONE = "phone"
    EMAIL = "email"
    SERVICE_LOCATION = "service_location"
    BILLING_MONTH = "billing_month"
    PERIOD = "period"
    PERIOD_FROM = "period_from"
    PERIOD_TO = "period_to"
    USAGE_KWH = "usage_kwh"
    AMOUNT = "amount"
    BILL_NUMBER = "bill_number"
    CONFIRMED_ON = "confirmed_on"


# What a report may repeat word by word: nothing that says who the customer is.
QUOTABLE = frozenset(
    {
        Column.BILLING_MONTH,
        Column.PERIOD,
        Column.PERIOD_FROM,
        Column.PERIOD_TO,
        Column.USAGE_KWH,
        Column.AMOUNT,
        Column.BILL_NUMBER,
        Column.CONFIRMED_ON,
    }
)


class RefusalCode(StrEnum):
    """One reason each; the value is also the key of its Japanese sentence."""

    # the file as a whole
    ENCODING = "encoding"
    EMPTY_FILE = "empty_file"
    NO_ROWS = "no_rows"
    TOO_MANY_LINES = "too_many_lines"
    LINE_TOO_LONG = "line_too_long"
    # the header
    NO_SEPARATOR = "no_separator"
    MISSING_COLUMN = "missing_column"
    UNKNOWN_COLUMN = "unknown_column"
    DUPLICATE_COLUMN = "duplicate_column"
    # the shape of a line
    BROKEN_QUOTES = "broken_quotes"
    TOO_FEW_CELLS = "too_few_cells"
    TOO_MANY_CELLS = "too_many_cells"
    # one cell
    EMPTY = "empty"
    TOO_LONG = "too_long"
    CONTROL_CHARACTER = "control_character"
    NOT_A_CUSTOMER_NUMBER = "not_a_customer_number"
    NOT_KANA = "not_kana"
    NOT_A_MOBILE_PHONE = "not_a_mobile_phone"
    NOT_AN_EMAIL = "not_an_email"
    NOT_A_MONTH = "not_a_month"
    NOT_A_DATE = "not_a_date"
    NOT_A_PERIOD = "not_a_period"
    PERIOD_BACKWARDS = "period_backwards"
    PERIOD_TOO_LONG = "period_too_long"
    MONTH_FAR_AWAY = "month_far_away"
    NOT_A_USAGE = "not_a_usage"
    NOT_AN_AMOUNT = "not_an_amount"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    NOT_A_BILL_NUMBER = "not_a_bill_number"
    # lines of the same file
    REPEATED_LINE = "repeated_line"
    REPEATED_BILL_NUMBER = "repeated_bill_number"
    REPEATED_MONTH = "repeated_month"
    # the ledger
    OTHER_AMOUNT = "other_amount"
    OTHER_VALUES = "other_values"
    OTHER_CUSTOMER = "other_customer"
    TWO_BILLS = "two_bills"
    ALREADY_PAID = "already_paid"
    BEING_PAID = "being_paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refused cell, line or file. `line` counts from 1, the header included; `value_hint` is safe to show."""

    line: int
    column: Column | None
    code: RefusalCode
    value_hint: str | None = None


class CellRefusedError(ValueError):
    """A cell's text cannot be taken; the code says why."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code.value)
        self.code = code


_HINT_LENGTH = 40


def shown(value: str) -> str:
    """A short form of what the file said that is safe on a terminal: control characters escaped."""
    text = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in value[:200]
    )
    return text if len(text) <= _HINT_LENGTH else text[:_HINT_LENGTH] + "…"


class Refusals:
    """Collects every refusal: a report that left some out would be corrected in vain."""

    def __init__(self) -> None:
        self._found: list[Refusal] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, *refusals: Refusal) -> None:
        """Remember these too."""
        self._found.extend(refusals)

    def listed(self) -> tuple[Refusal, ...]:
        """All of them by line."""
        return tuple(sorted(self._found, key=lambda refusal: refusal.line))
