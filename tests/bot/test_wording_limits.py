"""The own validator of LINE payloads, and the length of SMS."""

import pytest

from bot.message import Choice
from bot.wording_limits import LinePayloadError, check_line_payload, graphemes
from bot.wording_line import flex_message, quick_reply, text_message
from bot.wording_sms import SmsTooLongError, first_that_fits, sms_segments, sms_units, within_two_segments


def choices(count: int, *, label: str = "はい") -> tuple[Choice, ...]:
    return tuple(Choice(label=label, data=f"amount:{number}") for number in range(count))


def with_choices(count: int, *, label: str = "はい") -> dict[str, object]:
    return {"messages": [text_message("本文") | {"quickReply": quick_reply(choices(count, label=label))}]}


@pytest.mark.parametrize(
    "payload",
    [
        {"messages": [text_message("字" * 5_000)]},
        {"messages": [text_message("一")] * 5},
        with_choices(13),
        with_choices(1, label="二十文字のラベルはここまで入ります。ですよ"[:20]),
    ],
)
def test_what_line_takes_is_taken(payload: dict[str, object]) -> None:
    check_line_payload(payload)


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({}, "messages"),
        ({"messages": [text_message("一")] * 6}, "messages"),
        ({"messages": [text_message("字" * 5_001)]}, "text"),
        ({"messages": [text_message("😀" * 2_501)]}, "text"),
        ({"messages": [text_message("  ")]}, "text"),
        ({"messages": [{"type": "image"}]}, "neither"),
        (with_choices(14), "quickReply"),
        (with_choices(1, label="あ" * 21), "label"),
        (with_choices(1, label=""), "label"),
        ({"messages": [flex_message(alt="字" * 1_501, contents=[], label="", uri="")]}, "altText"),
        (
            {"messages": [flex_message(alt="甲", contents=[text_message("字" * 11_000)], label="", uri="")]},
            "bytes",
        ),
        ({"messages": [flex_message(alt="甲", contents=[text_message("")], label="", uri="")]}, "empty text"),
        (
            {"messages": [flex_message(alt="甲", contents=[], label="払う", uri="ftp://pay.example.jp/")]},
            "uri",
        ),
        (
            {"messages": [flex_message(alt="甲", contents=[], label="払う", uri="https://a.jp/" + "x" * 1_000)]},
            "uri",
        ),
        (
            {"messages": [flex_message(alt="甲", contents=[], label="あ" * 41, uri="https://a.jp/")]},
            "label",
        ),
    ],
)
def test_what_line_refuses_is_refused_before_it_is_stored(payload: dict[str, object], fault: str) -> None:
    with pytest.raises(LinePayloadError, match=fault):
        check_line_payload(payload)


def test_labels_are_counted_as_a_reader_counts() -> None:
    assert graphemes("がぎぐ") == 3
    assert graphemes("か\u3099") == 1
    assert graphemes("👨\u200d👩\u200d👧") == 1


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("あ" * 70, 70, 1),
        ("あ" * 71, 71, 2),
        ("あ" * 134, 134, 2),
        ("あ" * 135, 135, 3),
        ("ｱ" * 71, 71, 2),
        ("😀" * 36, 72, 2),
        ("A" * 160, 160, 1),
        ("A" * 161, 161, 2),
        ("https://a.jp/p/{{link}}", 37, 1),
        ("{{code}}", 6, 1),
    ],
)
def test_an_sms_is_as_long_as_carriers_bill_it(text: str, units: int, segments: int) -> None:
    assert sms_units(text) == units
    assert sms_segments(text) == segments


def test_the_friendliest_variant_that_fits_is_sent() -> None:
    assert first_that_fits(["あ" * 9, "あ" * 5, "あ"], units=6) == "あ" * 5


def test_a_template_that_never_fits_is_an_error_and_never_cut() -> None:
    with pytest.raises(SmsTooLongError):
        first_that_fits(["あ" * 9], units=6)


def test_a_very_long_address_costs_a_third_segment_but_stops_nothing() -> None:
    assert within_two_segments(["あ" * 200, "い" * 140]) == "い" * 140
    assert within_two_segments(["あ" * 130, "い" * 10]) == "あ" * 130
