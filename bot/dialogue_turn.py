"""One turn of a conversation, as the parts of the dialogue see it, and the step that it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from backend.domain.account_facts import AccountFacts
from backend.domain.states import ChannelName
from bot.memory import Memory
from bot.message import Choice, Effect, Reply, Step, Target
from bot.understanding.faq import OUT_OF_SCOPE
from bot.wording import Wording
from bot.wording_sms import UNITS_OF_AN_ADDRESS, UNITS_OF_TWO_SEGMENTS, sms_units

# The data of choices is `topic`, `topic:argument`; the topics are the keys of templates/messages/menu.toml.
NO_QUESTIONS = frozenset({"greeting_thanks", "switch_english", OUT_OF_SCOPE})  # nobody presses a button to greet
_MOST_SMS_CHOICES = 9
_MOST_LINE_CHOICES = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known when the customer has spoken. `memory` is fresh (see `Memory.fresh`).

    `said` is free text, folded; empty when a button was pressed.
    """

    channel: ChannelName
    accounts: tuple[AccountFacts, ...]
    is_linked: bool
    memory: Memory
    wording: Wording
    now: datetime
    said: str = ""

    @property
    def is_line(self) -> bool:
        """Whether buttons exist; otherwise choices are numbered lines."""
        return self.channel is ChannelName.LINE

    @property
    def account(self) -> AccountFacts | None:
        """The place of use being talked about: the only one, or the one chosen before."""
        if len(self.accounts) == 1:
            return self.accounts[0]
        return self.account_by_id(self.memory.account_id)

    def account_by_id(self, account_id: int | None) -> AccountFacts | None:
        """One of this chat's own accounts; any other id finds nothing."""
        return next((facts for facts in self.accounts if facts.account_id == account_id), None)

    def talking_about(self, facts: AccountFacts) -> "Turn":
        """The same turn, remembering the place of use."""
        return replace(self, memory=replace(self.memory, account_id=facts.account_id))

    def talking_about_nothing(self) -> "Turn":
        """The same turn at the end of a topic: the next question asks for its place again."""
        return replace(self, memory=replace(self.memory, account_id=None))

    def say(self, key: str, **values: object) -> str:
        """A text for this chat's channel."""
        return self.wording.say(key, channel=self.channel, **values)

    def faq_answer(self, intent: str) -> str:
        """The entry's answer for this chat's channel, to what was said in particular if it has such a one."""
        return self.faq_variant(intent) or self.wording.faq_answer(intent, channel=self.channel)

    def faq_variant(self, intent: str) -> str:
        """The entry's answer to the words that were used; empty if it has none."""
        return self.wording.faq_variant(intent, said=self.said, channel=self.channel) if self.said else ""

    def place(self, facts: AccountFacts) -> str:
        """The label of one place of use; equal last digits are told apart by their place in the list."""
        twins = [other for other in self.accounts if other.number_tail == facts.number_tail]
        pattern = ("place" if len(twins) == 1 else "place_again") + ("" if self.is_line else "_sms")
        return self.wording.patterns[pattern].format(tail=facts.number_tail, nth=twins.index(facts) + 1)

    def heading(self, facts: AccountFacts) -> str:
        """What stands above an answer about one of several places, so that amounts are never mixed up."""
        if len(self.accounts) == 1:
            return ""
        return self.wording.patterns["heading"].format(place=self.place(facts)) + "\n"

    def place_choices(self, topic: str, *, rest: str = "") -> tuple[Choice, ...]:
        """One choice a place of use; `rest` is what else was asked for (`:2026-11`)."""
        return tuple(
            Choice(label=self.place(facts), data=f"{topic}:{facts.account_id}{rest}") for facts in self.accounts
        )[: _MOST_LINE_CHOICES if self.is_line else _MOST_SMS_CHOICES]

    def fits(self, text: str, *, choices: Sequence[Choice] = (), target: Target | None = None) -> bool:
        """Whether this answer stays within two segments of SMS; LINE has room for all that we say."""
        address = UNITS_OF_AN_ADDRESS if target else 0
        return self.is_line or sms_units(self.wording.numbered(text, choices)) + address <= UNITS_OF_TWO_SEGMENTS

    def offering(self, step: Step, *, questions: Sequence[str]) -> Step:
        """The same answer with the first of these questions as one more button; an SMS has no room for it."""
        question = next((intent for intent in questions if intent not in NO_QUESTIONS), None)
        if not self.is_line or question is None:
            return step
        first, *others = step.replies
        choices = (self.wording.choice(f"faq:{question}"), *first.choices)[:_MOST_LINE_CHOICES]
        return replace(step, replies=(replace(first, choices=choices), *others))

    def step(
        self,
        text: str,
        *,
        intent: str,
        choices: Sequence[Choice] = (),
        effects: Sequence[Effect] = (),
        target: Target | None = None,
        link_of: AccountFacts | None = None,
    ) -> Step:
        """One answer and what it means for the memory: the choices on offer are always the last ones shown."""
        reply = Reply(
            text=text,
            choices=tuple(choices),
            target=target,
            button_label=self.wording.labels[target.value] if target else "",
            link_id=link_of.request.link_id if link_of and link_of.request else None,
        )
        memory = replace(self.memory, numbered=tuple(choice.data for choice in choices))
        return Step(replies=(reply,), effects=tuple(effects), memory=memory, intent=intent)
