"""Amounts, months and days as people read them; the words around the numbers come from words.toml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel.dates import format_skeleton

_MONTHS_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """The patterns of words.toml's `[formats]` and the brand names of `[brands]`."""

    yen: str  # {:,}
    month: str  # {}
    month_joint: str
    many_months: str  # {first}, {count}
    brands: Mapping[str, str]

    def amount(self, amount: int) -> str:
        """`12,345円`."""
        return self.yen.format(amount)

    def one_month(self, billing_month: str) -> str:
        """`11月分` for `2026-11`."""
        return self.month.format(int(billing_month[5:]))

    def months(self, billing_months: Sequence[str]) -> str:
        """`10・11月分`; above three months only the first and how many, so that every SMS still fits."""
        if len(billing_months) > _MONTHS_NAMED:
            first = self.one_month(billing_months[0])
            return self.many_months.format(first=first, count=len(billing_months))
        return self.month.format(self.month_joint.join(str(int(month[5:])) for month in billing_months))

    def brand(self, brand: str) -> str:
        """The brand's own spelling; an unknown one as the gateway writes it."""
        return self.brands.get(brand.lower(), brand)


@lru_cache(maxsize=512)
def long_day(day: date) -> str:
    """`12月20日(日)`; cached because babel takes longer than the rest of a message."""
    return str(format_skeleton("MMMEd", day, locale="ja_JP"))


@lru_cache(maxsize=512)
def short_day(day: date) -> str:
    """`12/20`, for SMS."""
    return f"{day.month}/{day.day}"


@lru_cache(maxsize=512)
def day_of(text: str) -> date:
    """The day written as `2026-12-20`."""
    return date.fromisoformat(text)
