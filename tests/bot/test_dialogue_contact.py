"""Greeting, menu, numbers, linking, stopping, people."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from backend.domain.states import ChannelName
from bot.memory import FORGOTTEN_AFTER, Memory
from bot.message import (
    HandOver,
    IncomingKind,
    Reply,
    ResumeMessages,
    StopMessages,
    Target,
    Unlink,
)
from bot.wording import Wording
from bot.wording_limits import check_line_payload, graphemes
from bot.wording_sms import UNITS_OF_TWO_SEGMENTS, sms_units
from tests.bot.chat import Chat
from tests.bot.chat_accounts import NOW, SITUATIONS


def line(wording: Wording, *situations: str) -> Chat:
    return Chat(wording=wording, accounts=tuple(SITUATIONS[name] for name in situations), is_linked=bool(situations))


def sms(wording: Wording, *situations: str) -> Chat:
    return Chat(wording=wording, channel=ChannelName.SMS, accounts=tuple(SITUATIONS[name] for name in situations))


def test_following_is_greeted_with_the_menu(wording: Wording) -> None:
    talk = line(wording)

    talk.does(IncomingKind.FOLLOW)

    assert "つきばらい電力" in talk.reply.text
    assert talk.reply.choices[0].data == "link"


def test_a_linked_menu_offers_to_unlink(wording: Wording) -> None:
    talk = line(wording, "open_link")

    talk.does(IncomingKind.ACCOUNT_LINKED)

    assert "いつでも解除できます" in talk.reply.text
    assert "unlink" in [choice.data for choice in talk.reply.choices]


@pytest.mark.parametrize(
    ("situations", "data"),
    list(product([(), ("open_link",), ("open_link", "second_paid")], ["menu", "faq", "more:1", "more:2"])),
)
def test_every_menu_is_within_the_limits(wording: Wording, situations: tuple[str, ...], data: str) -> None:
    on_line, by_sms = line(wording, *situations), sms(wording, *situations)

    on_line.presses(data)
    by_sms.presses(data)
    body = wording.render_reply(by_sms.reply, channel=ChannelName.SMS, base_url="https://a.jp")["body"]

    check_line_payload(wording.render_reply(on_line.reply, channel=ChannelName.LINE, base_url="https://a.jp"))
    assert sms_units(str(body)) <= UNITS_OF_TWO_SEGMENTS
    assert len(by_sms.reply.choices) <= 9
    assert max(graphemes(choice.label) for choice in on_line.reply.choices) <= 20


@pytest.mark.parametrize("digit", ["1", "１", " 1 ", "1。"])
def test_the_menu_by_sms_takes_numbers_of_any_width(wording: Wording, digit: str) -> None:
    talk = sms(wording, "open_link")

    talk.says("メニュー")
    step = talk.says(digit)

    assert step.intent == "amount_this_month"


def test_a_number_answers_the_last_list_shown(wording: Wording) -> None:
    talk = sms(wording, "open_link")

    talk.says("4")
    step = talk.says("3")

    assert step.intent == "devices"


@pytest.mark.parametrize("digits", ["9", "８", "12"])
def test_a_number_that_was_not_offered_gets_the_menu_and_its_numbers(wording: Wording, digits: str) -> None:
    talk = sms(wording, "open_link")

    talk.says(digits)

    assert talk.reply.text == "1〜7の番号でお選びください。"
    assert [choice.data for choice in talk.reply.choices] == list(wording.menus["sms"])


def test_0_is_the_menu(wording: Wording) -> None:
    assert sms(wording, "open_link").says("0").intent == "menu"


def test_yesterdays_numbers_and_place_are_forgotten() -> None:
    memory = Memory(numbered=("amount:17",), account_id=17, spoken_at=NOW)

    assert memory.fresh(NOW + FORGOTTEN_AFTER) == replace(memory, spoken_at=NOW + FORGOTTEN_AFTER)
    assert memory.fresh(NOW + FORGOTTEN_AFTER + timedelta(seconds=1)).account_id is None


def test_a_memory_survives_its_row_and_an_odd_row_is_empty() -> None:
    memory = Memory(numbered=("amount", "faq:brands"), account_id=17, spoken_at=NOW)

    assert Memory.from_json(memory.to_json()) == memory
    assert Memory.from_json({"numbered": 3, "later": "field"}) == Memory()


@pytest.mark.parametrize("word", ["STOP", "ｓｔｏｐ", "停止", "配信停止", "はいしんていし", "停止。", "UNSUBSCRIBE"])
@pytest.mark.parametrize("channel", ChannelName)
def test_a_stop_word_stops_at_once_and_says_what_does_not_stop(
    wording: Wording, word: str, channel: ChannelName
) -> None:
    talk = Chat(wording=wording, channel=channel, accounts=(SITUATIONS["open_link"],))

    step = talk.says(word)

    assert step.effects == (StopMessages(),)
    assert "ご請求" in talk.reply.text
    assert "再開" in talk.reply.text


def test_a_word_for_stopping_and_unlinking_stops_at_once_by_sms_only(wording: Wording) -> None:
    by_sms = Chat(wording=wording, channel=ChannelName.SMS, accounts=(SITUATIONS["open_link"],))
    by_line = line(wording, "open_link")

    assert by_sms.says("解除").effects == (StopMessages(),)
    assert by_line.says("解除").effects == ()
    assert "解除しますか" in by_line.reply.text


def test_a_label_that_is_typed_is_the_button(wording: Wording) -> None:
    for data in wording.menus["line_linked"]:
        label = wording.choice(data).label
        pressed, typed = line(wording, "open_link"), line(wording, "open_link")

        pressed.presses(data)
        typed.says(label)

        assert typed.reply == pressed.reply, label


@pytest.mark.parametrize(("asks", "label"), [("unlink", "解除する"), ("stop", "止める")])
def test_a_label_that_does_something_at_once_is_asked_about_unless_it_was_just_shown(
    wording: Wording, asks: str, label: str
) -> None:
    talk = line(wording, "open_link")

    out_of_the_blue = talk.says(label)
    question = talk.reply
    after_the_question = talk.says(label)

    assert out_of_the_blue.effects == ()
    assert question == line_reply(wording, asks)
    assert len(after_the_question.effects) == 1


def line_reply(wording: Wording, data: str) -> Reply:
    talk = line(wording, "open_link")
    talk.presses(data)
    return talk.reply


@pytest.mark.parametrize("text", ["お知らせを止めてください", "もうメッセージを送らないで"])
def test_a_guessed_wish_to_stop_is_asked_back(wording: Wording, text: str) -> None:
    talk = line(wording, "open_link")

    asked = talk.says(text)
    done = talk.presses_label("止める")

    assert asked.effects == ()
    assert done.effects == (StopMessages(),)


@pytest.mark.parametrize("text", ["電気を止めてください", "停止した電気をまた使いたい", "解約"])
def test_stopping_the_electricity_is_not_stopping_messages(wording: Wording, text: str) -> None:
    step = line(wording, "open_link").says(text)

    assert step.effects == ()
    assert step.intent == "contract_handoff"


@pytest.mark.parametrize("word", ["再開", "START", "さいかい"])
def test_notices_can_be_resumed(wording: Wording, word: str) -> None:
    assert sms(wording, "open_link").says(word).effects == (ResumeMessages(),)


def test_unlinking_asks_first_and_unlinks_the_chosen_place_only(wording: Wording) -> None:
    talk = line(wording, "open_link", "second_paid")

    which = talk.says("連携を解除したい")
    asked = talk.presses("unlink:18")
    done = talk.presses_label("解除する")

    assert (which.effects, asked.effects) == ((), ())
    assert done.effects == (Unlink(account_id=18),)
    assert "5678" in talk.reply.text


def test_an_old_button_cannot_unlink_somebody_elses_account(wording: Wording) -> None:
    assert line(wording, "open_link").presses("unlink_now:999").effects == ()


def test_a_person_is_named_by_telephone_and_told(wording: Wording) -> None:
    talk = line(wording, "open_link")

    step = talk.says("担当者と話したい")

    assert "0120-000-000" in talk.reply.text
    assert step.effects == (HandOver(reason="talk_to_person"),)


@pytest.mark.parametrize("kind", [IncomingKind.STICKER, IncomingKind.MEDIA, IncomingKind.OTHER])
def test_what_is_not_text_gets_the_menu(wording: Wording, kind: IncomingKind) -> None:
    talk = line(wording, "open_link")

    talk.does(kind)

    assert "文字" in talk.reply.text
    assert talk.reply.choices


@pytest.mark.parametrize(
    "data", ["", "nonsense", "faq:nonsense", "amount:x", "more:99999999999999999999", "a:b:c", "more:-1"]
)
@pytest.mark.parametrize("channel", ChannelName)
def test_odd_button_data_does_no_harm(wording: Wording, data: str, channel: ChannelName) -> None:
    talk = Chat(wording=wording, channel=channel, accounts=(SITUATIONS["open_link"],))

    step = talk.presses(data)

    assert step.effects == ()
    assert talk.reply.text


@pytest.mark.parametrize(
    "text",
    ["4242 4242 4242 4242", "************4242 です", "番号は４２４２４２４２４２４２４２４２", "3782-822463-10005"],
)
def test_a_card_number_in_the_chat_is_answered_with_a_warning(wording: Wording, text: str) -> None:
    talk = line(wording, "open_link")

    talk.says(text)

    assert "カードの情報はここには送らないで" in talk.reply.text
    assert "4242" not in talk.reply.text


def test_a_card_change_leads_to_the_application_form(wording: Wording) -> None:
    talk = line(wording, "paid")

    talk.says("カード変更したい")
    payload = wording.render_reply(talk.reply, channel=ChannelName.LINE, base_url="https://pay.example.jp")

    assert talk.reply.target is Target.APPLICATION_FORM
    assert "https://pay.example.jp/apply" in str(payload)


def test_what_nobody_understands_gets_the_menu(wording: Wording) -> None:
    talk = line(wording, "open_link")

    step = talk.says("ほげぴよ")

    assert step.intent == "not_understood"
    assert talk.reply.choices
