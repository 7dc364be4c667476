"""Every sentence the product says in a chat, rendered from templates/ to what a provider takes; decides nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

from backend.domain.billing_calendar import BillingCalendar
from backend.domain.states import ChannelName, NoticeKind
from bot.message import Choice, Reply, Target
from bot.placeholders import account_link_url, application_form_url, payment_url
from bot.understanding.faq import FaqEntry, load_faq
from bot.understanding.folding import fold
from bot.understanding.matcher import Matcher, Understanding
from bot.wording_formats import Formats
from bot.wording_limits import check_line_payload
from bot.wording_line import notice_bubble, quick_reply, reply_bubble, sections_of, text_message
from bot.wording_sms import MOST_UNITS, first_that_fits, within_two_segments
from bot.wording_templates import Compiled, environment, notice_templates, reply_templates, tables_of
from bot.wording_values import notice_values

Json = dict[str, object]
_VARIANTS = "\n---\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The loaded words. `understand` is the whole seam to the understanding of free text."""

    notices: Compiled
    replies: Compiled
    faq: Mapping[str, FaqEntry]
    labels: Mapping[str, str]
    menus: Mapping[str, tuple[str, ...]]
    signals: Mapping[str, frozenset[str]]
    patterns: Mapping[str, str]
    month_words: Mapping[str, tuple[str, ...]]  # how far from this month ("-1") → its words; "suffix" of a number
    formats: Formats
    understand: Callable[[str], Understanding]
    house: Mapping[str, object]  # what any text may name: sender, phone, our address, days of the calendar

    def say(self, key: str, *, channel: ChannelName, **values: object) -> str:
        """The reply text `key` for this channel."""
        return self.replies[key, channel].render(self.house, **values).strip()

    def first_of(self, *keys: str, channel: ChannelName) -> str:
        """The first of these keys that has a text: a special one before the common one."""
        return next(key for key in keys if (key, channel) in self.replies)

    def faq_answer(self, intent: str, *, channel: ChannelName) -> str:
        """The answer of templates/faq/<intent>.toml."""
        return self.faq[intent].answers[channel].render(self.house).strip()

    def faq_variant(self, intent: str, *, said: str, channel: ChannelName) -> str:
        """The entry's answer to these (folded) words in particular; empty if it has none."""
        for variant in self.faq[intent].variants:
            if any(word in said for word in variant.words):
                return variant.answers[channel].render(self.house).strip()
        return ""

    def card(self, brand: str, last4: str) -> str:
        """`Visa 末尾4242`."""
        return self.patterns["card"].format(brand=self.formats.brand(brand), last4=last4)

    def choice(self, data: str) -> Choice:
        """The choice behind `amount`, `amount:17` or `faq:brands`, with its label."""
        name, _, rest = data.partition(":")
        if name == "faq" and rest in self.faq:
            return Choice(label=self.faq[rest].title, data=data)
        return Choice(label=self.labels[name], data=data)

    def choices(self, data: Sequence[str]) -> tuple[Choice, ...]:
        """Several choices at once."""
        return tuple(self.choice(item) for item in data)

    def render_notice(
        self,
        *,
        kind: NoticeKind,
        channel: ChannelName,
        facts: Mapping[str, object],
        base_url: str,
        sender_name: str,
        support_phone: str,
        has_link: bool,
    ) -> Json:
        """The frozen payload of a notice, with `{{link}}`, `{{code}}` in place of secrets.

        Raises:
            SmsTooLongError: carriers would refuse even the shortest variant (see `within_two_segments`).
        """
        values = notice_values(facts, formats=self.formats, base_url=base_url, has_link=has_link)
        text = self.notices[kind.value, channel].render(values, sender=sender_name, phone=support_phone)
        if channel is ChannelName.SMS:
            variants = [variant.strip() for variant in text.split(_VARIANTS)]
            return {"body": within_two_segments(variants)}
        return self._line_notice(sections_of(text), uri=payment_url(base_url) if has_link else "")

    def _line_notice(self, sections: dict[str, str], *, uri: str) -> Json:
        messages = []
        if "text" in sections:
            messages.append(text_message(sections["text"]))
        if "title" in sections:
            messages.append(notice_bubble(sections, uri=uri))
        if choices := sections.get("choices"):
            messages[-1]["quickReply"] = quick_reply(self._choices_of_notice(choices.split()))
        return {"messages": messages}

    def _choices_of_notice(self, names: Sequence[str]) -> tuple[Choice, ...]:
        return self.choices([f"faq:{name}" if name in self.faq else name for name in names])

    def render_reply(self, reply: Reply, *, channel: ChannelName, base_url: str) -> Json:
        """The payload of one answer, checked against the channel's limits.

        Raises:
            LinePayloadError: LINE would refuse it.
            SmsTooLongError: carriers would refuse it. The budget of two segments is kept by the dialogue and by
                tests of the texts; here a third segment is better than no answer.
        """
        uri = _address_of(reply, base_url)
        if channel is ChannelName.SMS:
            lines = self.numbered(reply.text, reply.choices)
            return {"body": first_that_fits([f"{lines}\n{uri}" if uri else lines], units=MOST_UNITS)}
        message = reply_bubble(reply.text, label=reply.button_label, uri=uri) if uri else text_message(reply.text)
        if reply.choices:
            message["quickReply"] = quick_reply(reply.choices)
        payload: Json = {"messages": [message]}
        check_line_payload(payload)
        return payload

    def numbered(self, text: str, choices: Sequence[Choice]) -> str:
        """The text of an SMS with its choices as numbered lines; an address would stand alone below."""
        pattern = self.patterns["choice"]
        lines = [pattern.format(number=number, label=choice.label) for number, choice in enumerate(choices, start=1)]
        return "\n".join((text, *lines))


def _address_of(reply: Reply, base_url: str) -> str:
    match reply.target:
        case None:
            return ""
        case Target.PAYMENT_PAGE:
            return payment_url(base_url)
        case Target.APPLICATION_FORM:
            return application_form_url(base_url)
        case Target.ACCOUNT_LINK:
            return account_link_url(base_url)


def load_wording(
    templates: Path, *, sender_name: str, support_phone: str, public_base_url: str, calendar: BillingCalendar
) -> Wording:
    """Everything below `templates/messages` and `templates/faq`, as this house says it."""
    house = {
        "sender": sender_name,
        "phone": support_phone,
        "address": f"{public_base_url}/",  # with its end: pay.example.jp.elsewhere.com is not ours
        "send_from_day": calendar.send_from_day,
        "expiry_day": calendar.expiry_day,
    }
    return replace(_read(templates), house=house)


@cache
def _read(templates: Path) -> Wording:
    """Read and compile, once in a process: it takes half a second."""
    folder, env = templates / "messages", environment(templates)
    words, menu = tables_of(folder / "words.toml"), tables_of(folder / "menu.toml")
    patterns = cast("Mapping[str, str]", words["formats"])
    entries = load_faq(templates / "faq", env)
    return Wording(
        notices=notice_templates(folder, env),
        replies=reply_templates(folder, env),
        faq={entry.id: entry for entry in entries},
        labels=cast("Mapping[str, str]", menu["labels"]),
        menus={name: tuple(cast("list[str]", items)) for name, items in menu["menus"].items()},
        signals={
            name: frozenset(fold(item) for item in cast("list[str]", items)) for name, items in words["signals"].items()
        },
        patterns=patterns,
        month_words={
            name: tuple(fold(item) for item in cast("list[str]", items)) for name, items in words["months"].items()
        },
        formats=_formats(patterns, cast("Mapping[str, str]", words["brands"])),
        understand=Matcher(entries).understand,
        house={},
    )


def _formats(patterns: Mapping[str, str], brands: Mapping[str, str]) -> Formats:
    return Formats(
        yen=patterns["yen"],
        month=patterns["month"],
        month_joint=patterns["month_joint"],
        many_months=patterns["many_months"],
        brands=brands,
    )
