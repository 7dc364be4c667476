"""The answer about a month that was named, where the answer about the account would speak of another one."""

from backend.domain.account_facts import AccountFacts
from backend.domain.billing_calendar import billing_month_of
from bot.dialogue_months import Place, as_paid, find_month, only_month
from bot.dialogue_situation import Situation, situation_of
from bot.dialogue_turn import Turn
from bot.dialogue_values import account_values, bills_in_short
from bot.wording_formats import long_day, short_day

_OF_WAITING = {Situation.WAITING_CARRIED, Situation.WAITING_CONFIRMED}
_TEXTS = {
    Place.CONFIRMING: "also_confirming",
    Place.CHECKED: "receipt_checked",
    Place.WAITING: "month_waiting",
    Place.UPCOMING: "month_not_confirmed",
    Place.UNKNOWN: "month_unknown",
}


def month_text(turn: Turn, facts: AccountFacts, *, month: str) -> str:
    """What is true of this month; empty where the usual answer speaks of it anyway."""
    place, found = find_month(facts, month, now=turn.now)
    is_usual = place is Place.WAITING and situation_of(facts, now=turn.now) in _OF_WAITING
    if place is Place.REQUEST or is_usual:
        return ""
    if place is Place.PAID:
        return _paid(turn, facts, month=found)
    values = account_values(facts, channel=turn.channel, wording=turn.wording)
    return turn.say(_TEXTS[place], **values | _month_values(turn, facts, month=found))


def _paid(turn: Turn, facts: AccountFacts, *, month: str) -> str:
    of_month = as_paid(facts, month)
    is_refunded = of_month.last_payment is not None and of_month.last_payment.is_refunded
    values = account_values(of_month, channel=turn.channel, wording=turn.wording)
    return turn.say(Situation.REFUNDED if is_refunded else Situation.PAID, **values)


def _month_values(turn: Turn, facts: AccountFacts, *, month: str) -> dict[str, object]:
    """A day is named for the next month only: those after it have none yet."""
    day, waiting = facts.next_opening_on, only_month(facts.waiting, month)
    is_next = billing_month_of(day) == month and facts.request is None and not facts.waiting
    return {
        "month": turn.wording.formats.one_month(month),
        "what": bills_in_short(waiting, wording=turn.wording) if waiting else "",
        "month_day": long_day(day) if is_next else "",
        "month_day_short": short_day(day) if is_next else "",
    }
