"""Turns a notice's facts (JSON) into what its template prints: prepared strings, no decisions in templates."""

from collections.abc import Mapping, Sequence
from typing import cast

from bot.placeholders import CODE, payment_url
from bot.wording_formats import Formats, day_of, long_day, short_day


def notice_values(facts: Mapping[str, object], *, formats: Formats, base_url: str, has_link: bool) -> dict[str, object]:
    """The values for a notice template; what the facts do not hold is left out."""
    values: dict[str, object] = {
        "url": payment_url(base_url) if has_link else "",
        "code": CODE,
        "brand": formats.brand(str(facts.get("brand", ""))),
        "reason": facts.get("reason", ""),
        "carry_over_reason": facts.get("carry_over_reason", ""),
        "decline_class": facts.get("decline_class", ""),
    }
    for name in ("order_number", "number_tail", "last4"):
        if name in facts:
            values[name] = facts[name]
    if "amount" in facts:
        values |= _charged(facts, formats)
    if "refund_amount" in facts:
        values["refund"] = formats.amount(cast("int", facts["refund_amount"]))
        values["is_partial"] = facts["refund_amount"] != facts.get("amount")
    if "last_day" in facts:
        values |= _deadline(facts)
    if "next_day" in facts:
        next_day = day_of(str(facts["next_day"]))
        values |= {"next_day": long_day(next_day), "next_day_short": short_day(next_day)}
    return values


def _charged(facts: Mapping[str, object], formats: Formats) -> dict[str, object]:
    months = cast("Sequence[str]", facts["months"])
    amounts = cast("Sequence[int]", facts.get("amounts", ()))
    return {
        "amount": formats.amount(cast("int", facts["amount"])),
        "months": formats.months(months),
        "lines": [
            (formats.one_month(month), formats.amount(amount)) for month, amount in zip(months, amounts, strict=False)
        ],
        "is_combined": len(months) > 1,
    }


def _deadline(facts: Mapping[str, object]) -> dict[str, object]:
    last_day = day_of(str(facts["last_day"]))
    values: dict[str, object] = {"last_day": long_day(last_day), "last_day_short": short_day(last_day)}
    if "today" in facts:
        values["days_left"] = (last_day - day_of(str(facts["today"]))).days
    return values
