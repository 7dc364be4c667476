"""The chat itself: greeting, menu, linking and unlinking, stopping and resuming notices."""

from collections.abc import Callable, Mapping, Sequence

from backend.domain.account_facts import AccountFacts
from bot.dialogue_turn import NO_QUESTIONS, Turn
from bot.message import Choice, OfferAccountLink, ResumeMessages, Step, StopMessages, Target, Unlink
from bot.understanding.faq import OUT_OF_SCOPE


def pressed(turn: Turn, *, topic: str, account_id: int | None) -> Step:
    """The topics of this file; anything else (an old button, odd data) gets the menu."""
    match topic:
        case "unlink":
            return ask_unlink(turn, account_id=account_id)
        case "unlink_now":
            return unlink_now(turn, account_id=account_id)
        case _:
            return _ANSWERS.get(topic, menu)(turn)


def welcome(turn: Turn) -> Step:
    """The first words to a new friend (issue 2, section 6)."""
    text = turn.say("welcome", is_linked=turn.is_linked)
    return turn.step(text, intent="follow", choices=_menu_choices(turn))


def greeting(turn: Turn) -> Step:
    """A kind word, and the menu for who begins; who thanks has what was wanted."""
    intent = "greeting_thanks"
    opens = turn.is_line and not turn.faq_variant(intent)
    return turn.step(turn.faq_answer(intent), intent=intent, choices=_menu_choices(turn) if opens else ())


def menu(turn: Turn, *, key: str = "menu") -> Step:
    """The menu under the words `key`; a place of use chosen before is forgotten."""
    turn = turn.talking_about_nothing()
    choices = _menu_choices(turn)
    return turn.step(turn.say(key, count=len(choices)), intent=key, choices=choices)


def out_of_scope(turn: Turn) -> Step:
    """Plainly not our matter: say what is, with the menu."""
    return turn.step(turn.faq_answer(OUT_OF_SCOPE), intent=OUT_OF_SCOPE, choices=_menu_choices(turn))


def not_understood(turn: Turn, *, candidates: Sequence[str]) -> Step:
    """Best guesses as buttons if there are any, always with a way to the menu."""
    questions = [f"faq:{intent}" for intent in candidates if intent not in NO_QUESTIONS]
    if not questions:
        return menu(turn, key="not_understood")
    guesses = turn.wording.choices(questions)
    if turn.is_line:
        guesses += turn.wording.choices(["menu", "person"])
    return turn.step(turn.say("did_you_mean"), intent="not_understood", choices=guesses)


def offer_link(turn: Turn) -> Step:
    """The way to tie this chat to a contract, also for one more place of use."""
    intent = "link_account"
    if answer := turn.faq_variant(intent):
        return turn.step(answer, intent=intent, choices=turn.wording.choices(["faq", "menu"]) if turn.is_line else ())
    if not turn.is_line:
        key = "already_linked" if turn.accounts else "nothing_linked"
        return turn.step(turn.say(key, tails=_tails(turn)), intent=intent)
    text = turn.say("already_linked", tails=_tails(turn)) if turn.accounts else turn.faq_answer(intent)
    return turn.step(
        text,
        intent=intent,
        choices=turn.wording.choices(["faq", "menu"]),
        effects=(OfferAccountLink(),),
        target=Target.ACCOUNT_LINK,
    )


def linked(turn: Turn) -> Step:
    """Linking went through; says that it can be undone at any time (channels.md, account link)."""
    text = turn.say("linked", tails=_tails(turn))
    return turn.step(text, intent="account_linked", choices=_menu_choices(turn))


def not_linked(turn: Turn) -> Step:
    """Linking did not go through: say so, with a fresh way to try again."""
    return turn.step(
        turn.say("not_linked"),
        intent="account_not_linked",
        choices=turn.wording.choices(["faq", "menu"]),
        effects=(OfferAccountLink(),),
        target=Target.ACCOUNT_LINK,
    )


def ask_unlink(turn: Turn, *, account_id: int | None) -> Step:
    """Ask before unlinking, and which place if there are several."""
    intent = "unlink_account"
    if not turn.accounts:
        return turn.step(turn.say("nothing_linked"), intent=intent, choices=_menu_choices(turn))
    facts = turn.account_by_id(account_id) or _only(turn)
    if not turn.is_line:
        return turn.step(turn.say("unlink_ask", tail=turn.accounts[0].number_tail), intent=intent)
    if facts is None:
        return turn.step(turn.say("which_place"), intent=intent, choices=turn.place_choices("unlink"))
    yes = Choice(label=turn.wording.labels["unlink_now"], data=f"unlink_now:{facts.account_id}")
    text = turn.say("unlink_ask", tail=facts.number_tail)
    return turn.step(text, intent=intent, choices=(yes, turn.wording.choice("menu")))


def unlink_now(turn: Turn, *, account_id: int | None) -> Step:
    """Unlink the place that the customer has confirmed; an old button for another one does nothing."""
    facts = turn.account_by_id(account_id)
    if facts is None or not turn.is_line:
        return menu(turn)
    return turn.talking_about_nothing().step(
        turn.say("unlinked", tail=facts.number_tail),
        intent="unlink_account",
        effects=(Unlink(account_id=facts.account_id),),
        choices=turn.wording.choices(["link", "faq"]),
    )


def ask_stop(turn: Turn) -> Step:
    """A wish to stop that was guessed from free text or the menu: say what it means and ask."""
    choices = turn.wording.choices(["stop_now", "menu"])
    return turn.step(turn.say("stop_ask"), intent="stop_messages", choices=choices)


def stop_now(turn: Turn) -> Step:
    """An exact stop word, or the confirmed wish: stop at once and say what does not stop."""
    choices = turn.wording.choices(["resume", "menu"]) if turn.is_line else ()
    return turn.step(turn.say("stopped"), intent="stop_messages", effects=(StopMessages(),), choices=choices)


def resume(turn: Turn) -> Step:
    """Notices come again."""
    choices = turn.wording.choices(["menu"]) if turn.is_line else ()
    return turn.step(turn.say("resumed"), intent="resume_messages", effects=(ResumeMessages(),), choices=choices)


def _menu_choices(turn: Turn) -> tuple[Choice, ...]:
    name = "sms"
    if turn.is_line:
        name = "line_linked" if turn.is_linked else "line_unlinked"
    return turn.wording.choices(turn.wording.menus[name])


def _only(turn: Turn) -> AccountFacts | None:
    return turn.accounts[0] if len(turn.accounts) == 1 else None


def _tails(turn: Turn) -> str:
    return turn.wording.patterns["tail_joint"].join(facts.number_tail for facts in turn.accounts)


_ANSWERS: Mapping[str, Callable[[Turn], Step]] = {
    "link": offer_link,
    "stop": ask_stop,
    "stop_now": stop_now,
    "resume": resume,
    "greeting": greeting,
}
