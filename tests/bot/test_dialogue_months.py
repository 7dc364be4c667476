"""A month that the customer names is the month that the answer is about."""

from dataclasses import replace
from datetime import datetime

import pytest

from backend.domain.account_facts import BillFacts, PaymentFacts
from backend.domain.billing_calendar import JST
from backend.domain.states import ChannelName
from bot.dialogue_months import named_month
from bot.understanding.folding import fold
from bot.wording import Wording
from tests.bot.chat import Chat
from tests.bot.chat_accounts import NOW, SITUATIONS


def says(wording: Wording, words: str, *situations: str, channel: ChannelName = ChannelName.LINE) -> Chat:
    talk = Chat(wording=wording, channel=channel, accounts=tuple(SITUATIONS[name] for name in situations))
    talk.says(words)
    return talk


@pytest.mark.parametrize(
    ("words", "month"),
    [
        ("11月分は", "2026-11"),
        ("１１月の料金", "2026-11"),
        ("先月の金額は", "2026-11"),
        ("前月はいくら", "2026-11"),
        ("12月の料金は", "2026-12"),
        ("2月の請求額", "2027-02"),
        ("6月の電気代", "2026-06"),
        ("来月の請求は", "2027-01"),
        ("今月いくら", None),
        ("12月20日までですか", None),
        ("10月分と11月分", None),
        ("3か月分", None),
        ("再来月は", "2027-02"),
        ("先々月は", "2026-10"),
        ("2025年11月分の料金は", "2025-11"),
        ("去年の11月分は", "2025-11"),
        ("", None),
    ],
)
def test_a_month_without_a_year_is_one_of_the_next_five_or_else_past(
    wording: Wording, words: str, month: str | None
) -> None:
    assert named_month(fold(words), wording=wording, now=NOW) == month


def test_last_month_of_january_is_december_of_the_year_before(wording: Wording) -> None:
    assert named_month(fold("先月"), wording=wording, now=datetime(2027, 1, 1, tzinfo=JST)) == "2026-12"


@pytest.mark.parametrize(
    ("words", "situation", "answer", "not_said"),
    [
        ("11月分は", "paid_twice", "11月分 9,870円\nお支払い日 11月14日(土)", "12月"),
        ("12月の料金は", "paid_twice", "12月分 12,345円\nお支払い日 12月11日(金)", "11月"),
        ("先月の金額は", "open_after_paid", "11月分 9,870円\nお支払い日 11月14日(土)", "12月"),
        ("12月の料金は", "open_after_paid", "お手続き期限は12月20日(日)", "11月"),
        ("12月の料金は", "automatic", "ご登録のカード（Visa 末尾4242）で自動的に", "11月"),
        ("12月の料金は", "not_confirmed_card", "12月分のご請求は、まだ確定していません", "9,870円"),
        (
            "1月の料金は",
            "paid",
            "1月分のご請求は、まだ確定していません。確定は毎月中旬ごろです。確定後（1月10日(日)以降）",
            "円",
        ),
        ("2月の請求額", "paid", "2月分のご請求は、まだ確定していません", "1月10日"),
        ("6月の電気代はいくら", "paid", "6月分のご請求は、こちらでは確認できませんでした", "12,345円"),
        ("12月の料金は", "open_and_waiting", "12月分 12,345円のご請求が確定しています", "9,870円"),
        ("11月分は", "receipt_carried", "11月分 9,870円", "12,345円"),
        ("11月分は", "open_beside_unknown", "11月分 9,870円：お支払いの結果を確認しています", "12,345円"),
        ("11月分は", "not_confirmed_refunded", "返金", "済んでいます。\n12月"),
    ],
)
def test_the_named_month_is_answered_and_no_other(
    wording: Wording, words: str, situation: str, answer: str, not_said: str
) -> None:
    text = says(wording, words, situation).reply.text

    assert answer in text
    assert not_said not in text


@pytest.mark.parametrize("words", ["来月の請求は", "翌月の請求額は", "1月の請求は"])
def test_a_month_to_come_is_never_that_of_the_year_before(wording: Wording, words: str) -> None:
    a_year = replace(SITUATIONS["paid"], earlier_payments=(payment_for("2026-01"),))
    talk = Chat(wording=wording, accounts=(a_year,))

    talk.says(words)

    assert "1月分のご請求は、まだ確定していません" in talk.reply.text


@pytest.mark.parametrize("words", ["来月払いたい", "先々月から料金が高い"])
def test_who_asks_for_an_unknown_month_hears_of_the_one_that_is_to_be_paid(wording: Wording, words: str) -> None:
    for channel in ChannelName:
        talk = says(wording, words, "open_link", channel=channel)

        assert "12,345円" in talk.reply.text, (words, channel)


def payment_for(month: str) -> PaymentFacts:
    paid = SITUATIONS["paid"].last_payment
    assert paid is not None
    return replace(paid, bills=(BillFacts(billing_month=month, amount=5_000),))


def test_by_sms_too(wording: Wording) -> None:
    talk = says(wording, "11月分は", "paid_twice", channel=ChannelName.SMS)

    assert talk.reply.text == "11月分 9,870円は11/14にVisa 末尾4242でお支払い済みです。"


@pytest.mark.parametrize("channel", ChannelName)
def test_the_month_is_kept_while_the_place_is_asked_for(wording: Wording, channel: ChannelName) -> None:
    talk = says(wording, "11月の料金は", "paid_twice", "open_link", channel=channel)
    asked = [choice.data for choice in talk.reply.choices]

    talk.presses(asked[0])

    assert asked == ["amount:17:2026-11", "amount:17:2026-11"]
    assert "9,870円" in talk.reply.text
    assert "12,345円" not in talk.reply.text
