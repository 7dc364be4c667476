"""Adds up the dry run of a month, and says it: a summary, a table, JSON. Decides nothing, keeps no customer."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from backend.domain.states import ChannelName, NoticeKind, PaymentWay
from backend.usecases.run_month_preview import LeftOut, PreviewedCustomer
from bot.channels.line import Quota
from bot.notice_cost import segments_of
from bot.wording import Wording

_WORDS = Path(__file__).resolve().parent.parent / "templates" / "operations" / "run_month.toml"


@cache
def month_words() -> Mapping[str, Mapping[str, str]]:
    """The sentences by section and key."""
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A customer with what his messages cost: SMS segments of the first message and of all, pushes at most."""

    customer: PreviewedCustomer
    first_segments: int
    segments: int
    pushes: int
    is_too_long: bool

    @property
    def group(self) -> str:
        """Which line of the summary counts this customer."""
        customer = self.customer
        if customer.left_out:
            return customer.left_out.value
        if customer.way is PaymentWay.AUTOMATIC:
            return "automatic"
        return f"link_{customer.channel}" if customer.channel else "unreachable"

    @property
    def remarks(self) -> list[str]:
        """What people should look at."""
        customer = self.customer
        found = [customer.left_out.value] if customer.left_out else []
        if not customer.left_out and customer.channel is None:
            found.append("unreachable")
        if customer.is_unusual:
            found.append("unusual")
        if self.is_too_long:
            found.append("too_long")
        return found


def priced(customer: PreviewedCustomer, *, wording: Wording, base_url: str) -> Priced:
    """Render what would be sent by SMS and count it."""
    texts = [
        (
            notice,
            segments_of(wording, kind=notice.kind, facts=notice.facts, has_link=notice.has_link, base_url=base_url),
        )
        for notice in customer.notices
        if notice.channel is ChannelName.SMS and notice.times
    ]
    return Priced(
        customer=customer,
        first_segments=sum(count or 0 for notice, count in texts if notice.kind is NoticeKind.PAYMENT_LINK),
        segments=sum((count or 0) * notice.times for notice, count in texts),
        pushes=sum(notice.times for notice in customer.notices if notice.channel is ChannelName.LINE),
        is_too_long=any(count is None for _, count in texts),
    )


@dataclass(slots=True, kw_only=True)
class MonthTotals:
    """The summary of a dry run, one customer after the other; its size does not depend on how many there are."""

    yen_per_segment: Decimal
    customers: Counter[str] = field(default_factory=Counter)
    yen: Counter[str] = field(default_factory=Counter)
    carried_over: int = 0
    unusual: int = 0
    too_long: int = 0
    first_segments: int = 0
    segments: int = 0
    pushes: int = 0

    def add(self, one: Priced) -> None:
        """Count one customer."""
        self.customers[one.group] += 1
        self.yen[one.group] += one.customer.amount
        self.carried_over += one.customer.reason is not None
        self.unusual += one.customer.is_unusual
        self.too_long += one.is_too_long
        self.first_segments += one.first_segments
        self.segments += one.segments
        self.pushes += one.pushes

    def cost(self, segments: int) -> Decimal:
        """What so many segments cost, in yen."""
        return segments * self.yen_per_segment


GROUPS = ("link_line", "link_sms", "automatic", "unreachable")


def summary(totals: MonthTotals, *, on: date, quota: Quota | None, stops: Sequence[str]) -> Iterator[str]:
    """The dry run in sentences for the person who runs the month."""
    words = month_words()["preview"]
    yield words["title"].format(month=on.month, day=on.day)
    yield from (_group(totals, group) for group in GROUPS)
    yield words["carried"].format(count=f"{totals.carried_over:,}")
    yield words["unusual"].format(count=f"{totals.unusual:,}")
    yield words["sms"].format(
        first=f"{totals.first_segments:,}",
        first_yen=f"{totals.cost(totals.first_segments):,}",
        most=f"{totals.segments:,}",
        most_yen=f"{totals.cost(totals.segments):,}",
        each=totals.yen_per_segment,
    )
    if totals.too_long:
        yield words["too_long"].format(count=f"{totals.too_long:,}")
    yield from _quota(totals, quota)
    yield from (_group(totals, left_out.value) for left_out in LeftOut)
    if stops:
        yield words["stopped"].format(reasons=", ".join(month_words()["stop_reasons"][stop] for stop in stops))


def _group(totals: MonthTotals, group: str) -> str:
    return month_words()["preview"][group].format(count=f"{totals.customers[group]:,}", yen=f"{totals.yen[group]:,}")


def _quota(totals: MonthTotals, quota: Quota | None) -> Iterator[str]:
    words, needed = month_words()["preview"], f"{totals.pushes:,}"
    if quota is None:
        yield words["quota_unknown"].format(needed=needed)
    elif quota.left is None:
        yield words["quota_unlimited"].format(needed=needed)
    else:
        yield words["quota"].format(needed=needed, left=f"{quota.left:,}")
        if totals.pushes > quota.left:
            yield words["quota_short"].format(short=f"{totals.pushes - quota.left:,}")


def as_data(totals: MonthTotals, *, on: date, quota: Quota | None, stops: Sequence[str]) -> dict[str, object]:
    """The dry run for a program."""
    groups = (*GROUPS, *(left_out.value for left_out in LeftOut))
    return {
        "on": on.isoformat(),
        "groups": {group: {"customers": totals.customers[group], "yen": totals.yen[group]} for group in groups},
        "carried_over": totals.carried_over,
        "unusual": totals.unusual,
        "sms": {
            "first_segments": totals.first_segments,
            "most_segments": totals.segments,
            "first_yen": float(totals.cost(totals.first_segments)),
            "most_yen": float(totals.cost(totals.segments)),
            "too_long": totals.too_long,
        },
        "line": {
            "most_pushes": totals.pushes,
            "quota": quota.limit if quota else None,
            "left": quota.left if quota else None,
            "is_known": quota is not None,
        },
        "stops": list(stops),
    }


def header() -> list[str]:
    """The head of the table of customers."""
    return list(month_words()["columns"].values())


def table_row(one: Priced, *, totals: MonthTotals) -> list[object]:
    """A customer's line of the table."""
    customer, words = one.customer, month_words()
    return [
        customer.customer_number,
        words["ways"][customer.way] if customer.way else "",
        words["channels"][customer.channel] if customer.channel else "",
        customer.amount,
        customer.bill_count,
        " ".join(customer.months),
        words["reasons"][customer.reason] if customer.reason else "",
        one.segments,
        totals.cost(one.segments),
        " ".join(words["remarks"][remark] for remark in one.remarks),
    ]
