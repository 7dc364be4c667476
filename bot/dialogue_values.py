"""Prepares what the account texts print: amounts, months and days as strings; decides no wording."""

from collections.abc import Sequence

from backend.domain.account_facts import AccountFacts, BillFacts, PaymentFacts, RequestFacts
from backend.domain.billing_calendar import jst_date
from backend.domain.states import ChannelName
from bot.dialogue_situation import is_charged_automatically
from bot.wording import Wording
from bot.wording_formats import long_day, short_day


def account_values(facts: AccountFacts, *, channel: ChannelName, wording: Wording) -> dict[str, object]:
    """Everything that a text of account.toml may name for this account; what does not apply is empty."""
    card = facts.card
    values: dict[str, object] = {
        "next_day": long_day(facts.next_opening_on),
        "next_day_short": short_day(facts.next_opening_on),
        "by_card": is_charged_automatically(facts),
        "card": wording.card(card.brand, card.last4) if card else "",
        "advice": "",
        "for_card_change": False,
        "card_change_waits": facts.has_card_change and not (facts.request and facts.request.is_for_card_change),
    }
    values |= _missed_values(facts, wording=wording)
    values["checked_what"] = bills_in_short(facts.being_checked, wording=wording) if facts.being_checked else ""
    values |= _confirming_values(facts.also_confirming, wording=wording)
    values |= _bill_values(facts.request.bills if facts.request else facts.waiting, wording=wording)
    if facts.request:
        values |= _request_values(facts.request, channel=channel, wording=wording)
    return values | _payment_values(facts.last_payment, wording=wording)


def bills_in_short(bills: Sequence[BillFacts], *, wording: Wording) -> str:
    """`10・11月分 7,000円`."""
    formats = wording.formats
    months = formats.months([bill.billing_month for bill in bills])
    return f"{months} {formats.amount(sum(bill.amount for bill in bills))}"


def _confirming_values(bills: Sequence[BillFacts], *, wording: Wording) -> dict[str, object]:
    if not bills:
        return {"confirming_what": "", "confirming_months": ""}
    months = wording.formats.months([bill.billing_month for bill in bills])
    return {"confirming_what": bills_in_short(bills, wording=wording), "confirming_months": months}


def _missed_values(facts: AccountFacts, *, wording: Wording) -> dict[str, object]:
    """The months whose deadline has passed, and that deadline (R06)."""
    if facts.missed_on is None:
        return {"missed_months": "", "missed_day": "", "missed_day_short": ""}
    return {
        "missed_months": wording.formats.months([bill.billing_month for bill in facts.missed]),
        "missed_day": long_day(facts.missed_on),
        "missed_day_short": short_day(facts.missed_on),
    }


def _bill_values(bills: Sequence[BillFacts], *, wording: Wording) -> dict[str, object]:
    if not bills:
        return {"what": "", "breakdown": ""}
    return {"what": bills_in_short(bills, wording=wording), "breakdown": _breakdown(bills, wording=wording)}


def _breakdown(bills: Sequence[BillFacts], *, wording: Wording) -> str:
    """A line a month, and the total below if there are several (R07)."""
    formats = wording.formats
    lines = [f"{formats.one_month(bill.billing_month)} {formats.amount(bill.amount)}" for bill in bills]
    if len(bills) > 1:
        lines.append(wording.patterns["total"].format(formats.amount(sum(bill.amount for bill in bills))))
    return "\n".join(lines)


def _request_values(request: RequestFacts, *, channel: ChannelName, wording: Wording) -> dict[str, object]:
    advice = ""
    if request.last_decline is not None:
        advice = wording.say(f"advice.{request.last_decline.value}", channel=channel)
    return {
        "last_day": long_day(request.last_day),
        "last_day_short": short_day(request.last_day),
        "order_number": request.order_number,
        "for_card_change": request.is_for_card_change,
        "advice": advice,
    }


def _payment_values(payment: PaymentFacts | None, *, wording: Wording) -> dict[str, object]:
    if payment is None:
        return {"paid_what": "", "refund": ""}
    paid_on = jst_date(payment.paid_at)
    return {
        "paid_what": bills_in_short(payment.bills, wording=wording),
        "paid_breakdown": _breakdown(payment.bills, wording=wording),
        "paid_day": long_day(paid_on),
        "paid_day_short": short_day(paid_on),
        "paid_card": wording.card(payment.card_brand, payment.card_last4 or "") if payment.card_brand else "",
        "paid_order_number": payment.order_number or "",
        "refund": wording.formats.amount(payment.refunded) if payment.refunded else "",
        "is_refunded": payment.is_refunded,
    }
