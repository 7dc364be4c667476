"""Answers to questions, with what we know about the customer's own account added where it helps (R13)."""

from backend.domain.account_facts import AccountFacts
from bot.dialogue_situation import has_usable_link, situation_of
from bot.dialogue_turn import Turn
from bot.dialogue_values import account_values
from bot.message import Choice, HandOver, Step, Target
from bot.understanding.faq import FaqEntry

# Buttons on a page of the question list, beside "more" and "menu": LINE shows 13, an SMS must stay short.
_LINE_PAGE, _SMS_PAGE = 11, 6


def answer(turn: Turn, *, intent: str, account_id: int | None = None) -> Step:
    """The entry's answer; with several places of use it offers to look at one of them."""
    entry = turn.wording.faq[intent]
    facts = turn.account_by_id(account_id) or turn.account
    pays_for = facts if facts and _names_the_button(turn, entry, facts) else None
    text, choices = _text(turn, entry, facts), _choices(turn, entry, is_settled=facts is not None)
    return turn.step(
        text,
        intent=intent,
        choices=choices if turn.fits(text, choices=choices) else (),
        target=Target.PAYMENT_PAGE if pays_for else _target(entry),
        link_of=pays_for,
    )


def person(turn: Turn) -> Step:
    """The telephone number, and a task for support staff."""
    intent = "talk_to_person"
    text = turn.wording.faq_answer(intent, channel=turn.channel)
    return turn.step(text, intent=intent, effects=(HandOver(reason=intent),), choices=menu_button(turn))


def question_list(turn: Turn, *, page: int) -> Step:
    """One page of the questions, the six frequent ones first."""
    size = _LINE_PAGE if turn.is_line else _SMS_PAGE
    listed = [entry.id for entry in turn.wording.faq.values() if entry.order]
    shown = listed[page * size : (page + 1) * size] or listed[:size]
    choices = turn.wording.choices([f"faq:{intent}" for intent in shown])
    if len(listed) > (page + 1) * size:
        choices += (Choice(label=turn.wording.labels["more"], data=f"more:{page + 1}"),)
    return turn.step(turn.say("faq_list"), intent="faq_list", choices=choices + menu_button(turn))


def menu_button(turn: Turn) -> tuple[Choice, ...]:
    """The way back; SMS texts name the 0 instead."""
    return turn.wording.choices(["menu"]) if turn.is_line else ()


def _target(entry: FaqEntry) -> Target | None:
    return Target(entry.target) if entry.target else None


def _text(turn: Turn, entry: FaqEntry, facts: AccountFacts | None) -> str:
    """The general answer, and what is true of this account unless that makes an SMS too long."""
    text = turn.wording.faq_answer(entry.id, channel=turn.channel)
    addition = _addition(turn, entry, facts) if facts else ""
    if not addition:
        return text
    whole = f"{text}\n{addition}"
    return whole if turn.fits(whole, target=_target(entry)) else text


def _names_the_button(turn: Turn, entry: FaqEntry, facts: AccountFacts) -> bool:
    """The texts of an open URL speak of the button below, so it has to be there."""
    return turn.is_line and entry.adds == "situation" and has_usable_link(facts, now=turn.now)


def _choices(turn: Turn, entry: FaqEntry, *, is_settled: bool) -> tuple[Choice, ...]:
    if entry.adds and len(turn.accounts) > 1 and not is_settled:
        return turn.place_choices(f"faq:{entry.id}")
    return turn.wording.choices(["faq", "menu"]) if turn.is_line else ()


def _addition(turn: Turn, entry: FaqEntry, facts: AccountFacts) -> str:
    """The sentence that `adds` names, if it is true of this account now."""
    key = _addition_key(entry.adds, turn=turn, facts=facts)
    values = account_values(facts, channel=turn.channel, wording=turn.wording)
    return turn.heading(facts) + turn.say(key, **values) if key else ""


def _addition_key(adds: str, *, turn: Turn, facts: AccountFacts) -> str:
    can_pay = has_usable_link(facts, now=turn.now)
    is_declined = facts.request is not None and facts.request.last_decline is not None
    match adds:
        case "deadline" if can_pay:
            return "add.deadline"
        case "charged" if facts.last_payment is not None and facts.last_payment.card_brand:
            return "add.charged"
        case "next_url" if facts.request is None:
            return "add.next_url"
        case "advice" if is_declined and can_pay:
            return "add.advice"
        case "situation":
            return situation_of(facts, now=turn.now)
        case _:  # the entry adds nothing, or nothing that is true now
            return ""
