"""The whole conversation as one pure function: what was said and what is known become answers and deeds; no I/O."""

import re
from dataclasses import replace
from datetime import datetime

from backend.domain.account_facts import AccountFacts
from bot import dialogue_accounts, dialogue_contact, dialogue_faq
from bot.card_guard import has_masked_card, mask_cards
from bot.dialogue_months import named_month
from bot.dialogue_turn import Turn
from bot.memory import Memory
from bot.message import Incoming, IncomingKind, Step
from bot.understanding.faq import OUT_OF_SCOPE
from bot.understanding.folding import fold
from bot.wording import Wording

# Intents of free text that are more than an answer, and the topic that takes them.
_TOPIC_OF_INTENT = {intent: topic for topic, intent in dialogue_accounts.TOPICS.items()} | {
    "link_account": "link",
    "unlink_account": "unlink",
    "talk_to_person": "person",
    "stop_messages": "stop",
    "greeting_thanks": "greeting",
}

# What a button does at once is asked about when its label is typed out of the blue.
_ASKS_FIRST = {"stop_now": "stop", "unlink_now": "unlink"}
# Who types the label of an address wants what leads there.
_BEHIND_A_BUTTON = {"payment_page": "resend", "account_link": "link", "application_form": "faq:card_change"}
_A_MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")
_A_NUMBER = re.compile("[0-9]{1,2}")


def step(
    *,
    incoming: Incoming,
    memory: Memory,
    accounts: tuple[AccountFacts, ...],
    is_linked: bool,
    wording: Wording,
    now: datetime,
) -> Step:
    """Answer one incoming.

    `accounts` are all places of use behind this chat (linked to the LINE user, or with this telephone number);
    `is_linked` says whether a LINE user has linked any, or an SMS sender's number is known.
    """
    turn = Turn(
        channel=incoming.channel,
        accounts=accounts if is_linked else (),
        is_linked=is_linked,
        memory=memory.fresh(now),
        wording=wording,
        now=now,
    )
    match incoming.kind:
        case IncomingKind.TEXT:
            return _heard(turn, incoming.text)
        case IncomingKind.POSTBACK:
            return _pressed(turn, incoming.data)
        case IncomingKind.FOLLOW:
            return dialogue_contact.welcome(turn)
        case IncomingKind.ACCOUNT_LINKED:
            return dialogue_contact.linked(turn)
        case IncomingKind.ACCOUNT_NOT_LINKED:
            return dialogue_contact.not_linked(turn)
        case IncomingKind.STICKER | IncomingKind.MEDIA | IncomingKind.OTHER:
            return dialogue_contact.menu(turn, key="only_text")


def _heard(turn: Turn, text: str) -> Step:
    """Free text: a signal word, a number on offer, else the question that it is most like."""
    word = fold(text)
    turn = replace(turn, said=word)
    if word in turn.wording.signals["stop"] or (not turn.is_line and word in turn.wording.signals["stop_by_sms"]):
        return dialogue_contact.stop_now(turn)
    if word in turn.wording.signals["resume"]:
        return dialogue_contact.resume(turn)
    if word in turn.wording.signals["menu"]:
        return dialogue_contact.menu(turn)
    if has_masked_card(mask_cards(text)):
        return dialogue_contact.menu(turn, key="card_digits")
    if not turn.is_line and _A_NUMBER.fullmatch(word):
        return _numbered(turn, int(word))
    data = _labelled(turn, word)
    return _pressed(turn, data) if data else _understood(turn, text)


def _labelled(turn: Turn, word: str) -> str | None:
    """The data of the button whose label was typed; one that does something at once counts where it was just shown."""
    names = [name for name, label in turn.wording.labels.items() if fold(label) == word]
    shown = [data for data in turn.memory.numbered if data.partition(":")[0] in names]
    if names and names[0] in _ASKS_FIRST:
        return shown[0] if shown else _ASKS_FIRST[names[0]]
    if names:
        return _BEHIND_A_BUTTON.get(names[0], names[0])
    return next((f"faq:{intent}" for intent, entry in turn.wording.faq.items() if fold(entry.title) == word), None)


def _numbered(turn: Turn, number: int) -> Step:
    """The choice behind a number: of the last list shown, or of the menu if none was; any other gets the menu."""
    offered = turn.memory.numbered or turn.wording.menus["sms"]
    if not 1 <= number <= len(offered):
        return dialogue_contact.menu(turn, key="number_not_offered")
    return _pressed(replace(turn, said=""), offered[number - 1])


def _understood(turn: Turn, text: str) -> Step:
    understanding = turn.wording.understand(text)
    if understanding.intent == OUT_OF_SCOPE:
        return dialogue_contact.out_of_scope(turn)
    if understanding.intent is None:
        return dialogue_contact.not_understood(turn, candidates=understanding.candidates)
    topic = _TOPIC_OF_INTENT.get(understanding.intent)
    step = _pressed(turn, topic or f"faq:{understanding.intent}")
    return turn.offering(step, questions=understanding.others)


def _pressed(turn: Turn, data: str) -> Step:
    """A button or a number: `topic`, `topic:argument` or `faq:intent:account`; odd data gets the menu."""
    topic, _, argument = data.partition(":")
    match topic:
        case "amount" | "status" | "resend":
            return _about_account(turn, topic=topic, argument=argument)
        case "faq":
            return _question(turn, argument)
        case "more":
            return dialogue_faq.question_list(turn, page=_number(argument) or 0)
        case "person":
            return dialogue_faq.person(turn)
        case _:
            return dialogue_contact.pressed(turn, topic=topic, account_id=_number(argument))


def _about_account(turn: Turn, *, topic: str, argument: str) -> Step:
    account, _, month = argument.partition(":")
    if account == "other":
        turn = turn.talking_about_nothing()
    named = month if _A_MONTH.fullmatch(month) else named_month(turn.said, wording=turn.wording, now=turn.now)
    return dialogue_accounts.answer(turn, topic=topic, account_id=_number(account), month=named)


def _question(turn: Turn, argument: str) -> Step:
    intent, _, account = argument.partition(":")
    if intent in _TOPIC_OF_INTENT:
        return _pressed(turn, _TOPIC_OF_INTENT[intent])
    if intent not in turn.wording.faq:
        return dialogue_faq.question_list(turn, page=0)
    return dialogue_faq.answer(turn, intent=intent, account_id=_number(account))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004 - bigint
