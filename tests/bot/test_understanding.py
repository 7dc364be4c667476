"""The FAQ entries: their examples are their tests."""

import pytest

from backend.domain.billing_calendar import BillingCalendar
from backend.domain.states import ChannelName
from bot.understanding.faq import OUT_OF_SCOPE
from bot.wording import Wording, load_wording
from bot.wording_limits import graphemes
from bot.wording_sms import UNITS_OF_TWO_SEGMENTS, sms_units
from tests.bot.chat_accounts import TEMPLATES

INTENTS = sorted(path.stem for path in (TEMPLATES / "faq").glob("*.toml"))


def test_all_intents_of_the_manual_and_our_own_have_an_entry() -> None:
    in_scope = [intent for intent in INTENTS if intent not in {OUT_OF_SCOPE, "genuine"}]

    assert len(in_scope) == 33


@pytest.mark.parametrize("intent", INTENTS)
def test_every_example_is_understood_as_its_own_entry(wording: Wording, intent: str) -> None:
    examples = wording.faq[intent].examples

    understood = {example: wording.understand(example).intent for example in examples}

    assert understood == dict.fromkeys(examples, intent)
    assert len(examples) >= 8


@pytest.mark.parametrize("intent", INTENTS)
def test_an_answer_fits_its_channel(wording: Wording, intent: str) -> None:
    sms = wording.faq_answer(intent, channel=ChannelName.SMS)
    line = wording.faq_answer(intent, channel=ChannelName.LINE)

    assert sms_units(sms) <= UNITS_OF_TWO_SEGMENTS
    assert 0 < len(line) <= 400
    assert graphemes(wording.faq[intent].title) <= 20


def test_width_case_script_and_decoration_do_not_change_the_meaning(wording: Wording) -> None:
    spellings = ["領収書はもらえますか", "領収書は、もらえますか？？😢", "　領収書 はモラエマスカ"]

    assert {wording.understand(text).intent for text in spellings} == {"receipt"}
    assert wording.understand("ﾌﾞﾝｶﾂﾊﾞﾗｲﾊﾃﾞｷﾏｽｶ").intent == "installments"


def test_a_question_behind_a_story_is_found(wording: Wording) -> None:
    story = "先日は丁寧なご対応をいただき助かりました。主人が出張中で私が手続きしています。領収書はもらえますか。"

    assert wording.understand(story).intent == "receipt"


def test_what_is_not_ours_is_recognised(wording: Wording) -> None:
    understanding = wording.understand("水道料金はPayPayで払えますか")

    assert understanding.intent == OUT_OF_SCOPE
    assert OUT_OF_SCOPE not in understanding.candidates


@pytest.mark.parametrize("noise", ["", "   ", "？？？", "😀😀", "\x00\x01", "ｗ", "qwrtzpxk"])
def test_noise_means_nothing(wording: Wording, noise: str) -> None:
    assert wording.understand(noise).intent in {None, OUT_OF_SCOPE}


def test_only_the_first_5000_characters_are_read(wording: Wording) -> None:
    flood = "領収書はもらえますか" + "。" * 5_000 + "解約" * 1_000_000

    assert wording.understand(flood).intent == "receipt"


@pytest.mark.parametrize("channel", ChannelName)
def test_r09_an_application_ends_the_charges_of_the_card_before(wording: Wording, channel: ChannelName) -> None:
    answer = wording.faq_answer("card_change", channel=channel)

    assert "続きます" not in answer
    assert "請求を止め" in answer or "請求しません" in answer


def test_the_answers_follow_the_configured_calendar() -> None:
    moved = load_wording(
        TEMPLATES,
        sender_name="甲",
        support_phone="1",
        public_base_url="https://pay.example.jp",
        calendar=BillingCalendar(send_from_day=8, expiry_day=25),
    )

    assert "25日" in moved.faq_answer("url_expiry", channel=ChannelName.LINE)
    assert "8日" in moved.faq_answer("url_expired", channel=ChannelName.SMS)
