"""Every notice on every channel, with the longest values that can come (channels.md sections 7 and 8)."""

from itertools import product

import pytest

from backend.domain.states import ChannelName, DeclineClass, NoticeKind
from bot.wording import Wording
from bot.wording_limits import check_line_payload
from bot.wording_sms import UNITS_OF_TWO_SEGMENTS, sms_segments, sms_units

KINDS = [kind for kind in NoticeKind if kind is not NoticeKind.REPLY]
WITH_LINK = [NoticeKind.PAYMENT_LINK, NoticeKind.REMINDER, NoticeKind.CHARGE_DECLINED]
LONGEST: dict[str, object] = {
    "amount": 9_999_999,
    "months": ["2026-10", "2026-11", "2026-12"],
    "amounts": [3_333_333, 3_333_333, 3_333_333],
    "order_number": "123456789012",
    "last_day": "2026-12-20",
    "today": "2026-12-15",
    "next_day": "2027-01-10",
    "number_tail": "1234",
    "reason": "combined",
    "brand": "american_express",
    "last4": "4242",
    "decline_class": "soft",
    "refund_amount": 9_999_998,
}
SHORT_BILL: dict[str, object] = {"amount": 12_345, "months": ["2026-11"], "amounts": [12_345], "reason": "first"}
SHORT: dict[str, object] = LONGEST | SHORT_BILL


def notice(wording: Wording, kind: NoticeKind, channel: ChannelName, **changes: object) -> dict[str, object]:
    return wording.render_notice(
        kind=kind,
        channel=channel,
        facts=LONGEST | {name: value for name, value in changes.items() if name != "has_link"},
        base_url="https://pay.smarttech.example.jp",
        sender_name="株" * 12,
        support_phone="0120-000-0000",
        has_link=bool(changes.get("has_link", True)),
    )


def body(payload: dict[str, object]) -> str:
    return str(payload["body"])


@pytest.mark.parametrize(
    ("kind", "decline_class", "has_link"),
    list(product(KINDS, DeclineClass, ["with a link", "without"])),
)
def test_the_longest_notice_fits_two_segments_of_sms_and_the_limits_of_line(
    wording: Wording, kind: NoticeKind, decline_class: DeclineClass, has_link: str
) -> None:
    sms = notice(wording, kind, ChannelName.SMS, has_link=has_link == "with a link", decline_class=decline_class.value)
    line = notice(
        wording, kind, ChannelName.LINE, has_link=has_link == "with a link", decline_class=decline_class.value
    )

    check_line_payload(line)
    assert sms_segments(body(sms)) <= 2
    assert sms_units(body(sms)) <= UNITS_OF_TWO_SEGMENTS


@pytest.mark.parametrize("kind", WITH_LINK)
def test_the_url_stands_alone_on_the_last_line_of_an_sms(wording: Wording, kind: NoticeKind) -> None:
    lines = body(notice(wording, kind, ChannelName.SMS)).split("\n")

    assert lines[-1] == "https://pay.smarttech.example.jp/p/{{link}}"
    assert "http" not in "".join(lines[:-1])


@pytest.mark.parametrize("kind", WITH_LINK)
def test_line_shows_the_url_as_a_button_only(wording: Wording, kind: NoticeKind) -> None:
    payload = notice(wording, kind, ChannelName.LINE)
    bubble = payload["messages"][-1]["contents"]  # type: ignore[index]

    assert bubble["footer"]["contents"][0]["action"]["uri"].endswith("/p/{{link}}")
    assert str(payload).count("http") == 1


@pytest.mark.parametrize(("kind", "channel"), list(product(WITH_LINK, ChannelName)))
def test_r16_the_message_with_the_url_says_what_is_charged_and_the_order_number(
    wording: Wording, kind: NoticeKind, channel: ChannelName
) -> None:
    text = str(notice(wording, kind, channel))

    assert "123456789012" in text
    assert "9,999,999円" in text
    assert "10・11・12月分" in text
    assert "保管" in text or "(控)" in text


@pytest.mark.parametrize(("kind", "channel"), list(product(KINDS, ChannelName)))
def test_no_notice_threatens_to_cut_the_power(wording: Wording, kind: NoticeKind, channel: ChannelName) -> None:
    text = str(notice(wording, kind, channel))

    assert "停止" not in text
    assert "督促" not in text
    assert "延滞" not in text


def test_r07_a_combined_request_lists_each_month_and_the_total(wording: Wording) -> None:
    text = str(notice(wording, NoticeKind.PAYMENT_LINK, ChannelName.LINE))

    assert text.count("3,333,333円") == 3
    assert "合計" in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [("link_expired", "お支払いを確認できていないため"), ("late_meter_reading", "確定が遅れた月があるため")],
)
def test_r07_r08_a_combined_request_says_why(wording: Wording, reason: str, words: str) -> None:
    text = str(notice(wording, NoticeKind.PAYMENT_LINK, ChannelName.LINE, carry_over_reason=reason))

    assert words in text
    assert "または" not in text


def test_a_notice_of_before_the_reason_was_kept_is_worded_without_it(wording: Wording) -> None:
    text = str(notice(wording, NoticeKind.PAYMENT_LINK, ChannelName.LINE))

    assert "案内します。\\n10・11・12月分を合わせてご案内します。" in text


def test_a_short_sms_uses_the_friendlier_words(wording: Wording) -> None:
    payload = wording.render_notice(
        kind=NoticeKind.PAYMENT_LINK,
        channel=ChannelName.SMS,
        facts=SHORT,
        base_url="https://pay.example.jp",
        sender_name="つきばらい電力",
        support_phone="0120-000-000",
        has_link=True,
    )

    assert body(payload) == (
        "【つきばらい電力】11月分の電気料金12,345円のお手続きを12/20までにお願いします。\n"
        "ご注文番号123456789012(要保管)\n"
        "https://pay.example.jp/p/{{link}}"
    )


def test_a_year_of_unpaid_months_still_fits(wording: Wording) -> None:
    months = [f"2026-{month:02}" for month in range(1, 13)]

    sms = notice(wording, NoticeKind.CHARGE_DECLINED, ChannelName.SMS, months=months, amounts=[1] * 12)
    line = notice(wording, NoticeKind.PAYMENT_LINK, ChannelName.LINE, months=months, amounts=[1] * 12)

    check_line_payload(line)
    assert "1月分など12か月分" in body(sms)


@pytest.mark.parametrize(("today", "words"), [("2026-12-18", "あと2日"), ("2026-12-20", "本日が期限")])
def test_a_reminder_counts_the_days_left(wording: Wording, today: str, words: str) -> None:
    assert words in str(notice(wording, NoticeKind.REMINDER, ChannelName.LINE, today=today))


@pytest.mark.parametrize(("today", "todays"), [("2026-12-18", 0), ("2026-12-20", 1)])
def test_a_reminder_by_sms_on_the_last_day_says_today(wording: Wording, today: str, todays: int) -> None:
    longest = body(notice(wording, NoticeKind.REMINDER, ChannelName.SMS, today=today))
    short = body(notice(wording, NoticeKind.REMINDER, ChannelName.SMS, today=today, **SHORT_BILL))

    assert (longest.count("本日"), short.count("本日")) == (todays, todays)
    assert "12/20" in longest
    assert sms_units(longest) <= UNITS_OF_TWO_SEGMENTS


@pytest.mark.parametrize("months", [1, 3])
@pytest.mark.parametrize("kind", WITH_LINK)
def test_the_amount_and_the_deadline_stand_out(wording: Wording, kind: NoticeKind, months: int) -> None:
    bills = {} if months > 1 else SHORT_BILL
    payload = notice(wording, kind, ChannelName.LINE, **bills)
    bubble = payload["messages"][-1]["contents"]  # type: ignore[index]

    rows = [row["contents"] for row in bubble["body"]["contents"] if row["type"] == "box"]
    bold = {value["size"]: value["text"] for _, value in rows if value.get("weight") == "bold"}

    assert bold == {"xl": "12,345円" if months == 1 else "9,999,999円", "md": "12月20日(日)"}


@pytest.mark.parametrize("channel", ChannelName)
def test_r04_the_first_payment_says_that_later_months_are_automatic(wording: Wording, channel: ChannelName) -> None:
    assert "自動" in str(notice(wording, NoticeKind.PAID, channel))


@pytest.mark.parametrize("channel", ChannelName)
def test_a_decline_of_unknown_class_and_card_is_worded_all_the_same(wording: Wording, channel: ChannelName) -> None:
    facts = {name: value for name, value in LONGEST.items() if name not in {"decline_class", "brand", "last4"}}

    payload = wording.render_notice(
        kind=NoticeKind.CHARGE_DECLINED,
        channel=channel,
        facts=facts,
        base_url="https://pay.example.jp",
        sender_name="つきばらい電力",
        support_phone="0120-000-000",
        has_link=True,
    )

    assert "カード会社" in str(payload)


def test_a_one_time_code_is_a_place_and_warns(wording: Wording) -> None:
    text = body(notice(wording, NoticeKind.CODE, ChannelName.SMS))

    assert "{{code}}" in text
    assert "10分" in text
    assert "教えないで" in text
    assert "http" not in text


@pytest.mark.parametrize("channel", ChannelName)
def test_a_refund_names_what_went_back_and_the_order(wording: Wording, channel: ChannelName) -> None:
    text = str(notice(wording, NoticeKind.REFUNDED, channel))

    assert "9,999,998円" in text
    assert "返金しました" in text
    assert "123456789012" in text


def test_a_partial_refund_also_names_what_was_paid(wording: Wording) -> None:
    partial = str(notice(wording, NoticeKind.REFUNDED, ChannelName.LINE))
    full = str(notice(wording, NoticeKind.REFUNDED, ChannelName.LINE, refund_amount=9_999_999))

    assert "お支払い額" in partial
    assert "お支払い額" not in full
