"""Questions whose answer depends on the account or on the words: the true thing first, nothing that does not apply."""

import pytest

from backend.domain.states import ChannelName
from bot.message import StopMessages, Target
from bot.wording import Wording
from tests.bot.chat import Chat
from tests.bot.chat_accounts import LINK, SITUATIONS

DECLINED = ("declined_soft", "declined_new_card", "declined_never", "declined_authenticate")


def says(wording: Wording, words: str, *situations: str, channel: ChannelName = ChannelName.LINE) -> Chat:
    accounts = tuple(SITUATIONS[name] for name in situations)
    talk = Chat(wording=wording, channel=channel, accounts=accounts, is_linked=bool(accounts))
    talk.says(words)
    return talk


@pytest.mark.parametrize("situation", ["open_link", *DECLINED])
@pytest.mark.parametrize("words", ["別のカードで払いたい", "娘のカードで払いたい"])
def test_r12_another_card_pays_with_the_url_that_is_open(wording: Wording, words: str, situation: str) -> None:
    talk = says(wording, words, situation)

    assert (talk.reply.target, talk.reply.link_id) == (Target.PAYMENT_PAGE, LINK)
    assert "翌々月" not in talk.reply.text
    assert "faq:application_form" in [choice.data for choice in talk.reply.choices]


def test_r12_by_sms_the_url_is_offered_before_the_form(wording: Wording) -> None:
    talk = says(wording, "別のカードで払いたい", "declined_soft", channel=ChannelName.SMS)

    assert talk.reply.target is None
    assert [choice.data for choice in talk.reply.choices] == ["resend:17", "faq:application_form"]


def test_r09_without_an_open_url_another_card_needs_the_form(wording: Wording) -> None:
    assert says(wording, "別のカードで払いたい", "paid").reply.target is Target.APPLICATION_FORM


def test_r09_who_has_applied_is_not_promised_that_the_next_month_is_automatic(wording: Wording) -> None:
    assert "自動的" not in says(wording, "別のカードで払いたい", "open_and_applied").reply.text


@pytest.mark.parametrize("channel", ChannelName)
@pytest.mark.parametrize(
    "words", ["このメッセージは本物ですか？詐欺じゃない？", "このSMSは本物ですか", "怪しいメッセージが来た"]
)
def test_who_doubts_a_message_learns_how_to_tell_ours(wording: Wording, words: str, channel: ChannelName) -> None:
    talk = says(wording, words, "open_link", channel=channel)
    step = talk.last

    assert step is not None
    assert StopMessages() not in step.effects
    assert step.intent == "genuine"
    assert "https://pay.example.jp/" in talk.reply.text
    assert "0120-000-000" in talk.reply.text
    assert "お尋ねすることはありません" in talk.reply.text


def test_r16_who_doubts_a_message_is_told_the_order_number_of_the_open_url(wording: Wording) -> None:
    assert "202612000017" in says(wording, "このメッセージは本物ですか", "open_link").reply.text


def test_r16_an_order_number_that_nobody_was_sent_proves_nothing(wording: Wording) -> None:
    assert "202612000017" not in says(wording, "このメッセージは本物ですか", "automatic").reply.text


@pytest.mark.parametrize("channel", ChannelName)
def test_r05_a_url_that_is_still_good_is_called_good_at_once(wording: Wording, channel: ChannelName) -> None:
    talk = says(wording, "URLの期限が切れました", "open_link", channel=channel)

    assert talk.reply.text.startswith("URLは")
    assert "まだ" in talk.reply.text.split("。")[0]
    assert "できなくなります" not in talk.reply.text


@pytest.mark.parametrize("situation", ["paid", "waiting_carried_card", "automatic"])
@pytest.mark.parametrize("channel", ChannelName)
def test_r06_who_needs_no_new_url_is_not_promised_one(wording: Wording, situation: str, channel: ChannelName) -> None:
    assert "URL" not in says(wording, "URLの期限が切れました", situation, channel=channel).reply.text


@pytest.mark.parametrize("situation", DECLINED)
@pytest.mark.parametrize("words", ["残高不足と言われた", "カードが使えませんでした"])
def test_r12_a_decline_on_record_comes_first_with_amount_and_button(
    wording: Wording, words: str, situation: str
) -> None:
    talk = says(wording, words, situation)

    assert talk.reply.text.startswith("12月分 12,345円\nカードでのお支払いが完了していません。")
    assert "別のお支払い方法" in talk.reply.text
    assert talk.reply.link_id == LINK


def test_r12_without_a_decline_the_answer_still_has_the_button_of_an_open_url(wording: Wording) -> None:
    talk = says(wording, "カードが使えませんでした", "open_link")

    assert "12月分 12,345円は、12月20日(日)まで下のボタンから" in talk.reply.text
    assert talk.reply.link_id == LINK


def test_who_waits_for_a_url_that_has_come_gets_its_button(wording: Wording) -> None:
    talk = says(wording, "まだリンクが来ていません", "open_link")

    assert "ご案内済み" in talk.reply.text
    assert talk.reply.link_id == LINK


@pytest.mark.parametrize("channel", ChannelName)
def test_who_cannot_open_the_url_gets_it_again_and_what_to_try(wording: Wording, channel: ChannelName) -> None:
    talk = says(wording, "URLが開けない", "open_link", channel=channel)

    assert talk.reply.link_id == LINK
    assert "端末" in talk.reply.text or "別のブラウザ" in talk.reply.text
    assert "0120-000-000" in talk.reply.text


@pytest.mark.parametrize("words", ["支払った？", "払った？"])
def test_a_short_question_for_the_payment_is_one(wording: Wording, words: str) -> None:
    assert wording.understand(words).intent == "payment_status"


@pytest.mark.parametrize("situations", [(), ("paid",)])
@pytest.mark.parametrize("channel", ChannelName)
def test_who_does_not_know_the_customer_number_learns_where_it_is(
    wording: Wording, situations: tuple[str, ...], channel: ChannelName
) -> None:
    talk = says(wording, "お客様番号がわからない", *situations, channel=channel)

    assert "検針票" in talk.reply.text
    assert "0120-000-000" in talk.reply.text
    assert talk.reply.target is None


@pytest.mark.parametrize("situation", ["paid", "open_link"])
@pytest.mark.parametrize("channel", ChannelName)
def test_who_has_lost_the_card_is_sent_to_the_card_company_first(
    wording: Wording, situation: str, channel: ChannelName
) -> None:
    first, _, _ = says(wording, "カードを失くした", situation, channel=channel).reply.text.partition("。")

    assert "カード会社へ" in first


@pytest.mark.parametrize("words", ["PayPayで払えますか", "QRコード決済", "ポイントで支払えますか"])
@pytest.mark.parametrize("channel", ChannelName)
def test_r01_who_asks_for_a_wallet_hears_that_only_cards_will_do(
    wording: Wording, words: str, channel: ChannelName
) -> None:
    text = says(wording, words, "open_link", channel=channel).reply.text

    assert "PayPay" in text
    assert "カードのみ" in text or "クレジットカードだけ" in text


@pytest.mark.parametrize("words", ["延滞料", "電気止められますか"])
def test_what_the_card_desk_cannot_say_is_sent_to_the_telephone_beside_what_it_can(
    wording: Wording, words: str
) -> None:
    text = says(wording, words, "open_link").reply.text

    assert "0120-000-000" in text
    assert "12月20日(日)" in text


@pytest.mark.parametrize("words", ["ありがとう", "了解です", "はい"])
def test_thanks_are_answered_shortly_and_a_greeting_with_the_menu(wording: Wording, words: str) -> None:
    thanked = says(wording, words, "open_link")
    greeted = says(wording, "こんにちは", "open_link")

    assert thanked.reply.choices == ()
    assert greeted.reply.choices != ()


@pytest.mark.parametrize(
    ("words", "answered", "offered"),
    [
        ("領収書はもらえますか？あと、分割払いはできますか？", "領収書を発行していません", "分割・リボ払い"),
        ("助かりました。分割払いはできますか。今月いくらですか", "12,345円", "分割・リボ払い"),
    ],
)
def test_of_two_questions_one_is_answered_and_the_other_offered(
    wording: Wording, words: str, answered: str, offered: str
) -> None:
    talk = says(wording, words, "open_link")

    assert answered in talk.reply.text
    assert talk.reply.choices[0].label == offered


@pytest.mark.parametrize(
    "words", ["領収書はもらえますか。", "こんにちは。領収書はもらえますか", "領収書を。領収書はもらえますか"]
)
def test_one_question_offers_no_second(wording: Wording, words: str) -> None:
    assert [choice.data for choice in says(wording, words, "paid").reply.choices] == ["faq", "menu"]


@pytest.mark.parametrize("words", ["孫に頼んでもいい？", "文字を大きくしたい"])
def test_what_needs_a_person_is_given_one(wording: Wording, words: str) -> None:
    assert wording.understand(words).intent == "talk_to_person"


def test_r14_an_invoice_is_not_another_way_to_pay(wording: Wording) -> None:
    assert "発行していません" in says(wording, "請求書がほしい", "open_link").reply.text
