"""Answers from the ledger: the amount, the state of the payment, the URL once more (issue 2, section 6)."""

from collections.abc import Iterator

from backend.domain.account_facts import AccountFacts
from bot.dialogue_month_text import month_text
from bot.dialogue_months import Place, find_month
from bot.dialogue_situation import Situation, has_usable_link, situation_of
from bot.dialogue_turn import Turn
from bot.dialogue_values import account_values, bills_in_short
from bot.message import Choice, OfferAccountLink, Step, Target

# topic → the intent that is written into the transcript
TOPICS = {"amount": "amount_this_month", "status": "payment_status", "resend": "resend_url"}
_MOST_PLACES = 9


def answer(turn: Turn, *, topic: str, account_id: int | None = None, month: str | None = None) -> Step:
    """The answer for one account and a named month; asks which account, or invites to link, if that is not known."""
    if not turn.accounts or (turn.is_line and not turn.is_linked):
        return invite(turn, intent=TOPICS[topic])
    chosen = turn.account_by_id(account_id) or turn.account
    if chosen is None:
        return _ask_which(turn, topic=topic, month=month)
    if month is not None and topic != "resend" and (text := month_text(turn, chosen, month=month)):
        is_nowhere = find_month(chosen, month, now=turn.now)[0] in {Place.UPCOMING, Place.UNKNOWN}
        is_beside_open = is_nowhere and has_usable_link(chosen, now=turn.now)
        say = _answer_beside_open if is_beside_open else _answer_about_month
        return say(turn.talking_about(chosen), chosen, topic=topic, text=text)
    return _answer_about(turn.talking_about(chosen), chosen, topic=topic)


def invite(turn: Turn, *, intent: str) -> Step:
    """Nothing is known about this chat: LINE offers linking, SMS can only name the telephone."""
    if not turn.is_line:
        return turn.step(turn.say("nothing_linked"), intent=intent)
    return turn.step(
        turn.wording.faq_answer(intent, channel=turn.channel),
        intent=intent,
        choices=turn.wording.choices(["faq", "menu"]),
        effects=(OfferAccountLink(),),
        target=Target.ACCOUNT_LINK,
    )


def _ask_which(turn: Turn, *, topic: str, month: str | None) -> Step:
    choices = turn.place_choices(topic, rest=f":{month}" if month else "")
    return turn.step(turn.say("which_place"), intent=TOPICS[topic], choices=choices)


def _answer_about_month(turn: Turn, facts: AccountFacts, *, topic: str, text: str) -> Step:
    """By SMS without the URL: it would be that of another month."""
    choices = _choices(turn, facts, topic=topic, shows_link=False) if turn.is_line else ()
    return turn.step(turn.heading(facts) + text, intent=TOPICS[topic], choices=choices)


def _answer_beside_open(turn: Turn, facts: AccountFacts, *, topic: str, text: str) -> Step:
    """Who asks for a month that is not known must not take it for leave to wait: another one is to be paid."""
    still_open = turn.say("add.open", **account_values(facts, channel=turn.channel, wording=turn.wording))
    text = turn.heading(facts) + text
    longer = f"{text}\n{still_open}"
    if not turn.is_line:
        return turn.step(longer if turn.fits(longer) else text, intent=TOPICS[topic])
    choices = _choices(turn, facts, topic=topic, shows_link=True)
    return turn.step(longer, intent=TOPICS[topic], choices=choices, target=Target.PAYMENT_PAGE, link_of=facts)


def _answer_about(turn: Turn, facts: AccountFacts, *, topic: str) -> Step:
    is_wanted = turn.is_line or topic == "resend"
    shows_link = is_wanted and has_usable_link(facts, now=turn.now) and not _is_on_its_way(turn, facts)
    choices = _choices(turn, facts, topic=topic, shows_link=shows_link)
    target = Target.PAYMENT_PAGE if shows_link else None
    text = turn.heading(facts) + _text(turn, facts, topic=topic)
    for addition in _additions(turn, facts, topic=topic):
        longer = f"{text}\n{addition}"
        text = longer if turn.fits(longer, choices=choices, target=target) else text
    return turn.step(
        text,
        intent=TOPICS[topic],
        choices=choices,
        target=target,
        link_of=facts if shows_link else None,
    )


def _is_on_its_way(turn: Turn, facts: AccountFacts) -> bool:
    """A second SMS with the URL would have to wait until it is known what became of the first: say so at once."""
    return not turn.is_line and facts.request is not None and facts.request.is_link_on_its_way


def _text(turn: Turn, facts: AccountFacts, *, topic: str) -> str:
    values = account_values(facts, channel=turn.channel, wording=turn.wording)
    if topic == "resend" and has_usable_link(facts, now=turn.now) and _is_on_its_way(turn, facts):
        return turn.say("url_on_its_way", **values)
    situation = situation_of(facts, now=turn.now)
    return turn.say(turn.wording.first_of(f"{situation}.{topic}", situation, channel=turn.channel), **values)


def _additions(turn: Turn, facts: AccountFacts, *, topic: str) -> Iterator[str]:
    """What is true beside the answer, the most important first."""
    values = account_values(facts, channel=turn.channel, wording=turn.wording)
    if hint := turn.faq_variant(TOPICS[topic]):
        yield hint
    if facts.also_confirming:
        yield turn.say("also_confirming", **values)
    if facts.waiting and (facts.request or situation_of(facts, now=turn.now) is Situation.RECEIPT_CHECKED):
        waiting = bills_in_short(facts.waiting, wording=turn.wording)
        yield turn.say("also_waiting", **values | {"what": waiting})
    if facts.has_card_change and topic != "amount":
        yield turn.say("also_card_change", **values)


def _choices(turn: Turn, facts: AccountFacts, *, topic: str, shows_link: bool) -> tuple[Choice, ...]:
    """What may be wanted next; an SMS offers only the URL, since every line costs."""
    wording = turn.wording
    if not turn.is_line:
        can_resend = has_usable_link(facts, now=turn.now) and not shows_link
        return (wording.choice(f"resend:{facts.account_id}"),) if can_resend else ()
    others = wording.choices([name for name in ("amount", "status", "menu") if name != topic])
    if len(turn.accounts) == 1:
        return others
    again = Choice(label=wording.labels["other_place"], data=f"{topic}:other")
    return (again, *others)
