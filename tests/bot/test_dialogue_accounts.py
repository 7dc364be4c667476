"""What the bot says of an account, in every situation, on both channels."""

from itertools import product

import pytest

from backend.domain.states import ChannelName, DeclineClass
from bot.message import OfferAccountLink, Target
from bot.wording import Wording
from bot.wording_limits import check_line_payload
from bot.wording_sms import UNITS_OF_TWO_SEGMENTS, sms_units
from tests.bot.chat import Chat
from tests.bot.chat_accounts import LINK, SITUATIONS, account, request

TOPICS = ("amount", "status", "resend")
PAYABLE = (
    "open_link",
    "open_combined",
    "open_and_waiting",
    "open_beside_unknown",
    "declined_beside_unknown",
    "card_change_open",
    "open_and_applied",
    "open_after_paid",
    "declined_soft",
    "declined_new_card",
    "declined_never",
    "declined_authenticate",
    "declined_ours_link",
)
NOT_PAYABLE = tuple(name for name in SITUATIONS if name not in PAYABLE)
LONG_URL = "https://pay.smarttech.example.jp"


def chat(wording: Wording, *situations: str, channel: ChannelName = ChannelName.LINE) -> Chat:
    return Chat(wording=wording, channel=channel, accounts=tuple(SITUATIONS[name] for name in situations))


def sms(wording: Wording, talk: Chat) -> str:
    return str(wording.render_reply(talk.reply, channel=ChannelName.SMS, base_url=LONG_URL)["body"])


@pytest.mark.parametrize(("situation", "topic"), list(product(SITUATIONS, TOPICS)))
def test_every_answer_fits_line_and_two_segments_of_sms(wording: Wording, situation: str, topic: str) -> None:
    on_line = chat(wording, situation)
    by_sms = chat(wording, situation, channel=ChannelName.SMS)

    on_line.presses(topic)
    by_sms.presses(topic)

    check_line_payload(
        wording.render_reply(on_line.reply, channel=ChannelName.LINE, base_url=LONG_URL),
    )
    assert sms_units(sms(wording, by_sms)) <= UNITS_OF_TWO_SEGMENTS


@pytest.mark.parametrize("situation", PAYABLE)
def test_r16_the_url_comes_with_its_order_number_and_what_is_charged(wording: Wording, situation: str) -> None:
    talk = chat(wording, situation, channel=ChannelName.SMS)

    talk.presses("resend")

    assert talk.reply.target is Target.PAYMENT_PAGE
    assert talk.reply.link_id == LINK
    assert "202612000017" in talk.reply.text
    assert "円" in talk.reply.text


def test_while_an_sms_with_the_url_is_on_its_way_the_answer_by_sms_says_so_at_once(wording: Wording) -> None:
    under_way = account(request=request(is_link_on_its_way=True))
    talk = Chat(wording=wording, channel=ChannelName.SMS, accounts=(under_way,))

    talk.presses("resend")

    assert "お送りしているところです" in talk.reply.text
    assert (talk.reply.target, talk.reply.link_id) == (None, None)
    assert [choice.data for choice in talk.reply.choices] == ["resend:17"]
    assert sms_units(sms(wording, talk)) <= UNITS_OF_TWO_SEGMENTS


def test_an_sms_on_its_way_changes_nothing_on_line(wording: Wording) -> None:
    talk = Chat(wording=wording, accounts=(account(request=request(is_link_on_its_way=True)),))

    talk.presses("resend")

    assert talk.reply.link_id == LINK


@pytest.mark.parametrize(("situation", "topic", "channel"), list(product(NOT_PAYABLE, TOPICS, ChannelName)))
def test_no_url_is_shown_that_cannot_be_paid_with(
    wording: Wording, situation: str, topic: str, channel: ChannelName
) -> None:
    talk = chat(wording, situation, channel=channel)

    talk.presses(topic)

    assert talk.reply.target is None
    assert talk.reply.link_id is None


@pytest.mark.parametrize(("topic", "channel"), list(product(TOPICS, ChannelName)))
def test_while_an_outcome_is_unknown_it_is_neither_failed_nor_paid(
    wording: Wording, topic: str, channel: ChannelName
) -> None:
    talk = chat(wording, "confirming", channel=channel)

    talk.presses(topic)

    assert "結果を確認しています。二重に請求されることはありません。" in talk.reply.text
    assert "完了していません" not in talk.reply.text
    assert "済み" not in talk.reply.text


@pytest.mark.parametrize(
    ("situation", "topic", "channel"),
    list(
        product(
            ("open_beside_unknown", "declined_beside_unknown", "automatic_beside_unknown"),
            ("amount", "status"),
            ChannelName,
        )
    ),
)
def test_a_month_of_unknown_outcome_is_named_beside_a_newer_request(
    wording: Wording, situation: str, topic: str, channel: ChannelName
) -> None:
    talk = chat(wording, situation, channel=channel)

    talk.presses(topic)

    assert "12月分 12,345円" in talk.reply.text
    [line] = [line for line in talk.reply.text.splitlines() if line.startswith("11月分")]
    assert line.endswith("お支払いの結果を確認しています。二重に請求されることはありません。")


@pytest.mark.parametrize("topic", TOPICS)
def test_r07_a_combined_request_lists_each_month_and_the_total(wording: Wording, topic: str) -> None:
    talk = chat(wording, "open_combined")

    talk.presses(topic)

    assert "11月分 9,870円\n12月分 12,345円\n合計 22,215円" in talk.reply.text


@pytest.mark.parametrize("situation", ["waiting_carried", "waiting_confirmed", "nothing_yet", "expired"])
def test_r06_without_a_url_the_answer_names_the_day_of_the_next(wording: Wording, situation: str) -> None:
    talk = chat(wording, situation)

    talk.presses("resend")

    assert "1月10日(日)" in talk.reply.text


@pytest.mark.parametrize("situation", ["waiting_carried_card", "waiting_confirmed_card", "not_confirmed_card"])
def test_r04_a_registered_card_means_no_url_but_an_automatic_charge(wording: Wording, situation: str) -> None:
    talk = chat(wording, situation)

    talk.presses("status")

    assert "自動的にお支払い" in talk.reply.text


@pytest.mark.parametrize("situation", ["card_change_waiting", "paid_card_dead"])
def test_r09_a_card_change_or_a_dead_card_means_a_url_again(wording: Wording, situation: str) -> None:
    talk = chat(wording, situation)

    talk.presses("resend")

    assert "URL" in talk.reply.text
    assert "自動" not in talk.reply.text


@pytest.mark.parametrize(
    ("decline_class", "advice"),
    [
        (DeclineClass.SOFT, "ご利用可能額"),
        (DeclineClass.NEW_CARD, "有効期限"),
        (DeclineClass.NEVER, "カード会社にお問い合わせ"),
        (DeclineClass.AUTHENTICATE, "ご本人さまの確認"),
        (DeclineClass.OURS, "お客様のカードに問題があったわけではありません"),
    ],
)
def test_r12_a_decline_gives_the_advice_of_its_class_and_the_url(
    wording: Wording, decline_class: DeclineClass, advice: str
) -> None:
    declined = account(request=request(last_decline=decline_class))
    talk = Chat(wording=wording, accounts=(declined,))

    talk.presses("status")

    assert advice in talk.reply.text
    assert talk.reply.link_id == LINK


def test_what_waits_beside_an_open_request_is_named_too(wording: Wording) -> None:
    talk = chat(wording, "open_and_waiting")

    talk.presses("amount")

    assert "11月分 9,870円" in talk.reply.text
    assert "このほか12月分 12,345円" in talk.reply.text


def test_r13_the_withdrawal_answer_adds_what_we_charged_when_and_to_which_card(wording: Wording) -> None:
    talk = chat(wording, "paid")

    talk.says("口座からはいつ引き落とされますか")

    assert "カード会社にご確認" in talk.reply.text
    assert "12月11日(金)に12月分 12,345円をVisa 末尾4242" in talk.reply.text


@pytest.mark.parametrize(("topic", "channel"), list(product(TOPICS, ChannelName)))
def test_several_places_are_asked_for_before_any_amount_is_said(
    wording: Wording, topic: str, channel: ChannelName
) -> None:
    talk = chat(wording, "open_link", "second_paid", channel=channel)

    talk.presses(topic)

    assert "円" not in talk.reply.text
    assert [choice.data for choice in talk.reply.choices] == [f"{topic}:17", f"{topic}:18"]


def test_the_chosen_place_is_remembered_for_the_topic_and_named_above_each_answer(wording: Wording) -> None:
    talk = chat(wording, "open_link", "second_paid")

    talk.presses("amount:18")
    talk.presses("status")

    assert talk.reply.text.startswith("【お客様番号 末尾5678】")
    assert "9,870円" in talk.reply.text
    assert "12,345円" not in talk.reply.text


def test_the_menu_forgets_the_chosen_place(wording: Wording) -> None:
    talk = chat(wording, "open_link", "second_paid")

    talk.presses("amount:18")
    talk.presses("menu")
    talk.presses("status")

    assert talk.memory.account_id is None
    assert "円" not in talk.reply.text


def test_places_with_equal_last_digits_can_be_told_apart(wording: Wording) -> None:
    twins = (account(account_id=1), account(account_id=2))
    talk = Chat(wording=wording, accounts=twins)

    talk.presses("amount")

    assert [choice.label for choice in talk.reply.choices] == [
        "お客様番号 末尾1234（1）",
        "お客様番号 末尾1234（2）",
    ]


def test_another_persons_account_cannot_be_asked_for_by_its_number(wording: Wording) -> None:
    talk = chat(wording, "open_link", "second_paid")

    talk.presses("amount:999")

    assert "円" not in talk.reply.text
    assert talk.reply.link_id is None


@pytest.mark.parametrize("topic", TOPICS)
def test_an_unlinked_line_user_is_invited_to_link(wording: Wording, topic: str) -> None:
    talk = Chat(wording=wording, accounts=(SITUATIONS["open_link"],), is_linked=False)

    step = talk.presses(topic)
    payload = wording.render_reply(talk.reply, channel=ChannelName.LINE, base_url=LONG_URL)

    assert step.effects == (OfferAccountLink(),)
    assert "{{line_link_token}}" in str(payload)
    assert "円" not in talk.reply.text


def test_an_unknown_telephone_number_hears_nothing_of_anybody(wording: Wording) -> None:
    talk = Chat(wording=wording, channel=ChannelName.SMS, is_linked=False)

    step = talk.presses("status")

    assert step.effects == ()
    assert "0120-000-000" in talk.reply.text
