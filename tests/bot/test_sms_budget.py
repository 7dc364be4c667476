"""Two segments an SMS, whatever the bot is asked, with the longest values that can come (channels.md section 7)."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from backend.domain.account_facts import AccountFacts, BillFacts, CardFacts, PaymentFacts
from backend.domain.billing_calendar import BillingCalendar
from backend.domain.states import ChannelName
from bot.message import IncomingKind
from bot.placeholders import at_real_length
from bot.wording import Wording, load_wording
from bot.wording_sms import UNITS_OF_TWO_SEGMENTS, sms_units
from emulators.twilio.segments import count_segments
from tests.bot.chat import Chat
from tests.bot.chat_accounts import SITUATIONS, TEMPLATES

URL = "https://pay.smarttech.example.jp"
MONTHS = tuple(BillFacts(billing_month=f"2026-{month}", amount=3_333_333) for month in (10, 11, 12))
AMEX = CardFacts(brand="american_express", last4="4242", is_active=True)
PRESSES = ("menu", "more:0", "more:1", "more:2", "more:3", "person", "link", "stop", "stop_now", "resume", "unlink")
WORDS = ("あれ", "カード", "URL 期限 カード 変更", "4242 4242 4242 4242", "水道料金はPayPayで払えますか", "qwrtzpxk")
# Each gets an answer to these words in particular, beside the account's own.
SAYINGS = (
    *("12月の料金は", "11月分は", "先月の金額は", "2月の請求額", "6月の電気代はいくら"),
    *(
        "URLが開けない",
        "お客様番号がわからない",
        "このSMSは本物ですか",
        "QRコード決済",
        "延滞料",
        "ありがとう",
        "了解です",
    ),
    *(
        "別のカードで払いたい",
        "カードを失くした",
        "残高不足と言われた",
        "URLの期限が切れました",
        "請求書がほしい",
        "88",
    ),
)
KINDS = (IncomingKind.STICKER, IncomingKind.MEDIA, IncomingKind.FOLLOW)


@pytest.fixture(scope="session")
def longest_wording() -> Wording:
    """A house with a long name and a long telephone number."""
    return load_wording(
        TEMPLATES,
        sender_name="株" * 12,
        support_phone="0120-000-0000",
        public_base_url=URL,
        calendar=BillingCalendar(),
    )


def longest(facts: AccountFacts) -> AccountFacts:
    return replace(
        facts,
        request=facts.request and replace(facts.request, bills=MONTHS, amount=9_999_999),
        last_payment=facts.last_payment and _longest_payment(facts.last_payment),
        earlier_payments=tuple(
            replace(_longest_payment(payment), bills=payment.bills) for payment in facts.earlier_payments
        ),
        also_confirming=MONTHS if facts.also_confirming else (),
        waiting=MONTHS if facts.waiting else (),
        missed=MONTHS if facts.missed else (),
        being_checked=MONTHS if facts.being_checked else (),
        card=AMEX if facts.card else None,
        next_opening_on=date(2027, 11, 10),
    )


def _longest_payment(payment: PaymentFacts) -> PaymentFacts:
    brand = payment.card_brand and "american_express"
    return replace(payment, bills=MONTHS, card_brand=brand, refunded=payment.refunded and 9_999_998)


def talk_about(wording: Wording, situation: str, *, places: int = 1) -> Chat:
    """One place of use in this situation, and others beside it."""
    others = (replace(longest(SITUATIONS["paid"]), account_id=100 + n, number_tail=str(1000 + n)) for n in range(9))
    accounts = (longest(SITUATIONS[situation]), *others)[:places]
    return Chat(wording=wording, channel=ChannelName.SMS, accounts=accounts)


def lengths(talk: Chat) -> tuple[bool, int]:
    """Whether the last answer keeps to 134 units, and the segments that the stand-in would count."""
    body = str(talk.wording.render_reply(talk.reply, channel=ChannelName.SMS, base_url=URL)["body"])
    return sms_units(body) <= UNITS_OF_TWO_SEGMENTS, count_segments(at_real_length(body))


def assert_short(talk: Chat) -> None:
    keeps, segments = lengths(talk)

    assert (keeps, segments <= 2) == (True, True), talk.reply.text


@pytest.mark.parametrize(
    ("situation", "places", "topic"), list(product(SITUATIONS, (1, 2, 9), ("amount", "status", "resend")))
)
def test_an_answer_from_the_ledger_fits_two_segments(
    longest_wording: Wording, situation: str, places: int, topic: str
) -> None:
    talk = talk_about(longest_wording, situation, places=places)

    talk.presses(topic)
    assert_short(talk)
    talk.presses(f"{topic}:17")

    assert_short(talk)


@pytest.mark.parametrize(("situation", "places"), list(product(SITUATIONS, (1, 2, 9))))
def test_every_question_is_answered_within_two_segments(longest_wording: Wording, situation: str, places: int) -> None:
    talk = talk_about(longest_wording, situation, places=places)

    for entry in longest_wording.faq:
        talk.presses(f"faq:{entry}:17")
        assert_short(talk)
        talk.presses(f"faq:{entry}")
        assert_short(talk)


@pytest.mark.parametrize(("situation", "places"), list(product(SITUATIONS, (1, 2))))
def test_what_is_said_is_answered_within_two_segments(longest_wording: Wording, situation: str, places: int) -> None:
    talk = talk_about(longest_wording, situation, places=places)
    talk.presses("status:17")

    for words in SAYINGS:
        talk.says(words)
        assert_short(talk)


@pytest.mark.parametrize("press", PRESSES)
def test_every_button_is_answered_within_two_segments(longest_wording: Wording, press: str) -> None:
    talk = talk_about(longest_wording, "open_link", places=9)

    talk.presses(press)

    assert_short(talk)


@pytest.mark.parametrize("words", WORDS)
def test_free_text_is_answered_within_two_segments(longest_wording: Wording, words: str) -> None:
    talk = talk_about(longest_wording, "open_link", places=9)

    talk.says(words)

    assert_short(talk)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_text_is_answered_within_two_segments(longest_wording: Wording, kind: IncomingKind) -> None:
    talk = talk_about(longest_wording, "open_link", places=9)

    talk.does(kind)

    assert_short(talk)


def test_an_unknown_number_is_answered_within_two_segments(longest_wording: Wording) -> None:
    talk = Chat(wording=longest_wording, channel=ChannelName.SMS, is_linked=False)

    for intent in longest_wording.faq:
        talk.presses(f"faq:{intent}")
        assert_short(talk)


@pytest.mark.parametrize(
    ("situation", "topic"),
    list(product([name for name in SITUATIONS if name.endswith("beside_unknown")], ("amount", "status"))),
)
def test_a_month_of_unknown_outcome_is_never_left_out(longest_wording: Wording, situation: str, topic: str) -> None:
    talk = talk_about(longest_wording, situation, places=2)

    talk.presses(f"{topic}:17")

    assert "確認しています" in talk.reply.text


def test_a_question_with_too_long_an_addition_is_answered_without_it(longest_wording: Wording) -> None:
    general = longest_wording.faq_answer("combined_billing", channel=ChannelName.SMS)
    talk = talk_about(longest_wording, "receipt_open")

    talk.presses("faq:combined_billing")

    assert talk.reply.text == general
