"""Answers to questions, with what we know about the customer's own account added where it helps (R13)."""

from backend.domain.account_facts import AccountFacts
from bot.dialogue_situation import Situation, has_usable_link, situation_of
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
    target = _target(turn, entry, facts)
    text, choices = _text(turn, entry, facts), _choices(turn, entry, facts)
    return turn.step(
        text,
        intent=intent,
        choices=choices if turn.fits(text, choices=choices, target=target) else (),
        target=target,
        link_of=facts if target is Target.PAYMENT_PAGE else None,
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


def _target(turn: Turn, entry: FaqEntry, facts: AccountFacts | None) -> Target | None:
    """The button below: the open URL before the application form; by SMS the URL is a choice."""
    if facts and _speaks_of_the_url(turn, entry, facts):
        return Target.PAYMENT_PAGE if turn.is_line else None
    return Target(entry.target) if entry.target else None


def _text(turn: Turn, entry: FaqEntry, facts: AccountFacts | None) -> str:
    """The account's own text and the general one, as the entry says; an SMS keeps what fits, the more telling first."""
    variant, general = turn.faq_variant(entry.id), turn.faq_answer(entry.id)
    if facts is None:
        return general
    own = _own_text(turn, entry, facts)
    if own and not variant and situation_of(facts, now=turn.now) in entry.instead:
        return own
    addition = "" if own else _addition(turn, entry, facts)
    parts = [part for part in (variant, own, general if not variant else "", addition) if part]
    whole = "\n".join(parts)
    return whole if turn.fits(whole, target=_target(turn, entry, facts)) else parts[0]


def _own_text(turn: Turn, entry: FaqEntry, facts: AccountFacts) -> str:
    """What account.toml says of the situation, for this question if it has such a text."""
    situation = situation_of(facts, now=turn.now)
    if situation not in entry.first | entry.instead:
        return ""
    keys = [f"{situation}.{entry.id}", situation]
    if has_usable_link(facts, now=turn.now):  # a decline changes nothing in what may be done with the URL
        keys.insert(1, f"{Situation.OPEN_LINK}.{entry.id}")
    values = account_values(facts, channel=turn.channel, wording=turn.wording)
    return turn.heading(facts) + turn.say(turn.wording.first_of(*keys, channel=turn.channel), **values)


def _speaks_of_the_url(turn: Turn, entry: FaqEntry, facts: AccountFacts) -> bool:
    """Texts of an open URL speak of the button below, so it has to be there."""
    situation = situation_of(facts, now=turn.now)
    is_told = situation in entry.first | entry.instead or entry.adds in {"situation", "open"}
    return is_told and has_usable_link(facts, now=turn.now)


def _choices(turn: Turn, entry: FaqEntry, facts: AccountFacts | None) -> tuple[Choice, ...]:
    is_personal = bool(entry.adds or entry.first or entry.instead)
    if is_personal and len(turn.accounts) > 1 and facts is None:
        return turn.place_choices(f"faq:{entry.id}")
    takes_back = turn.wording.choices(["faq", "menu"]) if turn.is_line else ()
    if facts is None or not _speaks_of_the_url(turn, entry, facts):
        return takes_back
    resend = () if turn.is_line else turn.wording.choices([f"resend:{facts.account_id}"])
    form = turn.wording.choices(["faq:application_form"]) if entry.target else ()
    return (*resend, *form, *takes_back)


def _addition(turn: Turn, entry: FaqEntry, facts: AccountFacts) -> str:
    """The sentence that `adds` names, if it is true of this account now."""
    key = _addition_key(entry.adds, turn=turn, facts=facts)
    values = account_values(facts, channel=turn.channel, wording=turn.wording)
    return turn.heading(facts) + turn.say(key, **values) if key else ""


def _addition_key(adds: str, *, turn: Turn, facts: AccountFacts) -> str:
    """Empty if the entry adds nothing, or nothing that is true now."""
    if adds == "situation":
        return situation_of(facts, now=turn.now)
    can_pay, payment = has_usable_link(facts, now=turn.now), facts.last_payment
    is_true = {
        "deadline": can_pay,
        "open": can_pay,
        "charged": payment is not None and payment.card_brand is not None,
        "next_url": facts.request is None,
        "order": can_pay,
    }
    return f"add.{adds}" if is_true.get(adds) else ""
