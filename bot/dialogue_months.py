"""A month that the customer names (11月分, 先月), and where the ledger has it; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from backend.domain.account_facts import AccountFacts, BillFacts, PaymentFacts
from backend.domain.billing_calendar import billing_month_of, jst_date
from bot.wording import Wording

# A month without a year is one of the next five, or else one that has been.
_MONTHS_AHEAD = 5


class Place(StrEnum):
    """Where a named month is found; UPCOMING and UNKNOWN: nowhere."""

    REQUEST = "request"
    CONFIRMING = "confirming"
    CHECKED = "checked"
    WAITING = "waiting"
    PAID = "paid"
    UPCOMING = "upcoming"
    UNKNOWN = "unknown"


def named_month(said: str, *, wording: Wording, now: datetime) -> str | None:
    """The one month (`2026-11`) that these folded words name; None for none, several, or this month."""
    words, this_month = wording.month_words, billing_month_of(jst_date(now))
    year, suffix = words["year"][0], words["suffix"][0]
    named = {f"{found}-{int(number):02}" for found, number in re.findall(_with_year(year, suffix), said)}
    rest = re.sub(_with_year(year, suffix), "", said)
    is_last_year = any(word in rest for word in words["last_year"])
    for number in map(int, _numbers(rest, suffix=suffix)):
        named.add(f"{int(this_month[:4]) - 1}-{number:02}" if is_last_year else _in_year(number, this_month))
    named |= {_shifted(this_month, shift) for shift in _shifts(rest, words)}
    return named.pop() if len(named) == 1 else None


def find_month(facts: AccountFacts, month: str, *, now: datetime) -> tuple[Place, str]:
    """Where the ledger has this month. One to come is never taken for that of the year before."""
    place = _place_of(facts, month)
    if place is None:
        place = Place.UPCOMING if month >= billing_month_of(jst_date(now)) else Place.UNKNOWN
    return place, month


def payment_of(facts: AccountFacts, month: str) -> PaymentFacts | None:
    """The newest payment that this month is part of."""
    payments = (*((facts.last_payment,) if facts.last_payment else ()), *facts.earlier_payments)
    return next((payment for payment in payments if _holds(payment.bills, month)), None)


def as_paid(facts: AccountFacts, month: str) -> AccountFacts:
    """The same facts as if this month's payment were the newest."""
    return replace(facts, last_payment=payment_of(facts, month))


def only_month(bills: tuple[BillFacts, ...], month: str) -> tuple[BillFacts, ...]:
    """The bills of this month."""
    return tuple(bill for bill in bills if bill.billing_month == month)


def _place_of(facts: AccountFacts, month: str) -> Place | None:
    places = (
        (Place.REQUEST, facts.request.bills if facts.request else ()),
        (Place.CONFIRMING, facts.also_confirming),
        (Place.CHECKED, facts.being_checked),
        (Place.WAITING, facts.waiting),
    )
    found = next((place for place, bills in places if _holds(bills, month)), None)
    return found or (Place.PAID if payment_of(facts, month) else None)


def _holds(bills: tuple[BillFacts, ...], month: str) -> bool:
    return bool(only_month(bills, month))


def _with_year(year: str, suffix: str) -> str:
    return rf"(20[0-9]{{2}}){year}(1[0-2]|[1-9]){suffix}"


def _shifts(said: str, words: Mapping[str, Sequence[str]]) -> set[int]:
    """How far from this month the words are; the longest first, since one may be a part of another."""
    found = set()
    known = [(word, int(name)) for name, each in words.items() if name.lstrip("-").isdigit() for word in each]
    for word, shift in sorted(known, key=lambda pair: -len(pair[0])):
        if word in said:
            found.add(shift)
            said = said.replace(word, "")
    return found


def _numbers(said: str, *, suffix: str) -> list[str]:
    """The numbers of months; 12月20日 is a day and no month's name."""
    return re.findall(rf"(?<![0-9])(1[0-2]|[1-9]){suffix}(?![0-9])", said)


def _in_year(number: int, this_month: str) -> str:
    ahead = (number - int(this_month[5:])) % 12
    return _shifted(this_month, ahead if ahead <= _MONTHS_AHEAD else ahead - 12)


def _shifted(month: str, by: int) -> str:
    count = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{count // 12:04}-{count % 12 + 1:02}"
