from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulators.line.validation.checks import grapheme_length, utf16_length
from tests.emulators.line_kit import Line, flex, running_line, text

URI = {"type": "uri", "label": "お支払い", "uri": "https://pay.example.jp/p/abc"}
SAY = {"type": "message", "label": "今月の金額", "text": "今月の金額"}


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with running_line() as running:
        yield running


def quick(*actions: dict[str, Any]) -> dict[str, Any]:
    items = [{"type": "action", "action": action} for action in actions]
    return {**text(), "quickReply": {"items": items}}


def template(**parts: Any) -> dict[str, Any]:
    return {"type": "template", "altText": "お知らせ", "template": parts}


def words(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **look}


ACCEPTED = {
    "the longest text": text("あ" * 5000),
    "quick replies": quick(*[SAY] * 13),
    "a camera in a quick reply": quick({"type": "camera", "label": "写真"}),
    "a bubble": flex(
        words("11月分", weight="bold", size="xl", color="#06C755", wrap=True),
        {"type": "separator", "margin": "md"},
        {
            "type": "box",
            "layout": "baseline",
            "spacing": "sm",
            "contents": [words("金額", flex=1), words("12,345円", flex=3, align="end")],
        },
        {"type": "button", "style": "primary", "height": "sm", "action": URI},
        size="mega",
    ),
    "a confirm template": template(type="confirm", text="よろしいですか", actions=[SAY, SAY]),
    "a buttons template": template(type="buttons", text="お支払い", actions=[URI]),
    "a sticker": {"type": "sticker", "packageId": "446", "stickerId": "1988"},
    "a sender": {**text(), "sender": {"name": "月払い"}},
}


@pytest.mark.parametrize("message", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_what_the_platform_takes_is_taken(line: Line, message: dict[str, Any]) -> None:
    status, body = await line.push(message)

    assert status == 200, body


REFUSED = {
    "an empty text": (text(""), "messages[0].text"),
    "5,001 characters": (text("あ" * 5001), "messages[0].text"),
    "2,501 emoji, which are 5,002 units": (text("😀" * 2501), "messages[0].text"),
    "a text message without text": ({"type": "text"}, "messages[0].text"),
    "an unknown type": ({"type": "hologram"}, "messages[0].type"),
    "an unknown property": ({**text(), "colour": "red"}, "messages[0].colour"),
    "a long alternative text": ({**flex(words("a")), "altText": "あ" * 1501}, "messages[0].altText"),
    "14 quick replies": (quick(*[SAY] * 14), "messages[0].quickReply.items"),
    "a quick reply without a label": (
        quick({"type": "message", "text": "a"}),
        "messages[0].quickReply.items[0].action.label",
    ),
    "a quick reply label of 21 characters": (
        quick({**SAY, "label": "あ" * 21}),
        "messages[0].quickReply.items[0].action.label",
    ),
    "a javascript URI": (
        quick({**URI, "uri": "javascript:alert(1)"}),
        "messages[0].quickReply.items[0].action.uri",
    ),
    "a URI of 1,001 characters": (
        quick({**URI, "uri": "https://example.jp/" + "a" * 982}),
        "messages[0].quickReply.items[0].action.uri",
    ),
    "a URI that is not percent-encoded": (
        quick({**URI, "uri": "https://example.jp/支払い"}),
        "messages[0].quickReply.items[0].action.uri",
    ),
    "postback data of 301 characters": (
        quick({"type": "postback", "label": "a", "data": "d" * 301}),
        "messages[0].quickReply.items[0].action.data",
    ),
    "a flex button without a label": (
        flex({"type": "button", "action": {"type": "message", "text": "a"}}),
        "messages[0].contents.body.contents[0].action.label",
    ),
    "a flex button label of 41 characters": (
        flex({"type": "button", "action": {**URI, "label": "あ" * 41}}),
        "messages[0].contents.body.contents[0].action.label",
    ),
    "an unknown flex property": (
        flex(words("a", colour="#000000")),
        "messages[0].contents.body.contents[0].colour",
    ),
    "a colour by name": (
        flex(words("a", color="red")),
        "messages[0].contents.body.contents[0].color",
    ),
    "an icon outside a baseline box": (
        flex({"type": "icon", "url": "https://example.jp/a.png"}),
        "messages[0].contents.body.contents[0].type",
    ),
    "an empty bubble": (
        {"type": "flex", "altText": "a", "contents": {"type": "bubble"}},
        "messages[0].contents",
    ),
    "a bubble of more than 30 KB": (
        flex(*[words("あ" * 1900) for _ in range(6)]),
        "messages[0].contents",
    ),
    "a carousel of 13 bubbles": (
        {
            "type": "flex",
            "altText": "a",
            "contents": {"type": "carousel", "contents": [flex(words("a"))["contents"]] * 13},
        },
        "messages[0].contents.contents",
    ),
    "a carousel of two sizes": (
        {
            "type": "flex",
            "altText": "a",
            "contents": {
                "type": "carousel",
                "contents": [
                    flex(words("a"), size="kilo")["contents"],
                    flex(words("a"), size="mega")["contents"],
                ],
            },
        },
        "messages[0].contents.contents",
    ),
    "a confirm template with three actions": (
        template(type="confirm", text="a", actions=[SAY] * 3),
        "messages[0].template.actions",
    ),
    "a long text under a title": (
        template(type="buttons", title="お知らせ", text="あ" * 61, actions=[SAY]),
        "messages[0].template.text",
    ),
    "a template label of 21 characters": (
        template(type="buttons", text="a", actions=[{**SAY, "label": "あ" * 21}]),
        "messages[0].template.actions[0].label",
    ),
    "an http image": (
        {
            "type": "image",
            "originalContentUrl": "http://example.jp/a.png",
            "previewImageUrl": "https://example.jp/a.png",
        },
        "messages[0].originalContentUrl",
    ),
}


@pytest.mark.parametrize(("message", "place"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_the_platform_refuses_is_refused_with_its_place(
    line: Line, message: dict[str, Any], place: str
) -> None:
    assert await line.refusal(message) == place


async def test_six_messages_are_too_many(line: Line) -> None:
    assert await line.refusal(*[text()] * 6) == "messages"


async def test_no_message_is_too_few(line: Line) -> None:
    assert await line.refusal() == "messages"


async def test_a_fault_in_the_second_message_is_placed_there(line: Line) -> None:
    assert await line.refusal(text(), text("")) == "messages[1].text"


@pytest.mark.parametrize(
    ("string", "units", "graphemes"),
    [
        ("abc", 3, 3),
        ("電気", 2, 2),
        ("😀", 2, 1),
        ("👨‍👩‍👧", 8, 1),
        ("🇯🇵🇯🇵", 8, 2),
        ("か\u3099", 2, 1),
        ("👍🏽", 4, 1),
    ],
)
def test_lengths_are_counted_as_the_platform_counts_them(string: str, units: int, graphemes: int) -> None:
    assert (utf16_length(string), grapheme_length(string)) == (units, graphemes)
