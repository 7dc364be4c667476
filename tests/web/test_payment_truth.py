"""Pressed twice, too late, in two tabs, without an answer: every page tells what is true, money moves once."""

import asyncio

import pytest

from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.clock import FakeClock
from tests.web.site import ASKS_ISSUER, BACK, ENTER_AGAIN, OUR_FAULT, PAY, STOLEN, Payer, Site

PROVE_TO_THE_ISSUER = "同意して本人認証へ進む"
CHARGE = {"path": "/v1/charges", "method": "POST", "times": 1}


async def test_f37_pressing_twice_at_once_charges_once(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())
    form = browser.form(PAY)

    async def press() -> int:
        async with browser.session.post(f"{site.base}{form.action}", data=form.fields) as answer:
            return answer.status

    statuses = await asyncio.gather(press(), press(), press())
    await browser.open(browser.url.replace("/confirm", "/done"))

    assert statuses == [200, 200, 200]
    assert len(await site.charges()) == 1
    assert "お支払いが完了しました" in browser.text


async def test_f4_f45_an_old_press_repeated_later_shows_the_same_result(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())
    form, url = browser.form(PAY), browser.url
    await browser.press(PAY)

    browser.url = url
    await browser.submit(form)

    assert "お支払いが完了しました" in browser.text
    assert len(await site.charges()) == 1


async def test_f30_a_press_that_was_taken_back_says_that_nothing_was_charged_and_can_be_repeated(
    site: Site, clock: FakeClock
) -> None:
    browser = await site.to_confirmation(await site.payer())
    await site.control("faults", {"rules": [{"path": "/v1/charges", "method": "POST", "kind": "429"}]})

    await browser.press(PAY)
    at_once = browser.text
    await charge_due(site.services, now=clock.forward(minutes=6))
    await browser.open(browser.url)
    told = browser.text
    await site.control("faults", {"rules": []})
    await browser.press("お支払いの確認画面へ")
    await browser.press(PAY)

    assert "結果を確認中です" in at_once
    assert "請求は行われていません" in told
    assert "あとから自動で請求されることはありません" in told
    assert "お支払いが完了しました" in browser.text
    assert [charge["status"] for charge in await site.charges()] == ["succeeded"]


async def test_f38_back_after_paying_leads_to_the_completion(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer)

    for page in ("entry", "confirm"):
        await browser.open(f"{site.base}/pay/{payer.order_number}/{page}")
        assert "お支払いが完了しました" in browser.text


async def test_f39_a_second_device_that_presses_later_sees_the_payment(site: Site) -> None:
    payer = await site.payer()
    slow = await site.to_confirmation(payer)
    await site.pay(payer, "5555555555554444")

    await slow.press(PAY)

    assert "お支払いが完了しました" in slow.text
    assert "Mastercard" in slow.text
    assert len(await site.charges()) == 1


async def test_f40_a_press_after_the_deadline_is_refused_and_explained(site: Site, clock: FakeClock) -> None:
    payer_opened_before = await _opened_earlier(site, clock)
    browser = await site.to_confirmation(payer_opened_before)
    clock.go_to("2026-11-21T00:00:00")

    await browser.press(PAY)

    assert "URLの有効期限が過ぎました" in browser.text
    assert "2026年12月10日（木）ごろ" in browser.text
    assert await site.charges() == []


async def test_r05_f41_the_last_second_of_the_20th_still_pays(site: Site, clock: FakeClock) -> None:
    payer = await _opened_earlier(site, clock)
    browser = await site.to_confirmation(payer)
    clock.go_to("2026-11-20T23:59:59")

    await browser.press(PAY)

    assert "お支払いが完了しました" in browser.text


async def test_r06_an_expired_url_names_the_day_of_the_next_one(site: Site, clock: FakeClock) -> None:
    payer = await site.payer()
    clock.go_to("2026-11-21T08:00")
    await expire_payment_requests(site.services, now=clock.now())

    browser = await site.open(payer)

    assert "2026年12月10日（木）ごろ" in browser.text
    assert browser.buttons == []


async def test_r06_the_day_of_the_next_url_does_not_move_while_the_new_bill_is_late(
    site: Site, clock: FakeClock
) -> None:
    payer = await site.payer()
    clock.go_to("2026-11-21T08:00")
    await expire_payment_requests(site.services, now=clock.now())

    named = {}
    for day in ("09", "10", "11", "17", "18"):
        clock.go_to(f"2026-12-{day}T12:00")
        page = (await site.open(payer)).text
        named[day] = page.split("新しいURLは", 1)[1].split("にお送りします", 1)[0].strip()

    around, by = "2026年12月10日（木）ごろ", "2026年12月17日（木）まで"
    assert named == {"09": around, "10": around, "11": by, "17": by, "18": "2027年1月10日（日）ごろ"}


async def test_r07_an_expired_url_leads_to_the_order_that_took_its_bills_over(site: Site, clock: FakeClock) -> None:
    old = await site.payer()
    clock.go_to("2026-11-21T08:00")
    await expire_payment_requests(site.services, now=clock.now())
    await site.ledger.bill(old.account_id, "2026-12", 5_000, confirmed="2026-12-09")
    clock.go_to("2026-12-10T10:00")
    await open_payment_requests(site.services, now=clock.now())
    new = await site.payer_of(old.account_id)

    before = await site.open(old)
    await site.pay(new)
    after = await site.open(old)

    assert f"ご注文番号{new.order_number}" in before.text
    assert "この料金のお支払いは済んでいます" in after.text


async def test_a_replaced_url_names_the_message_with_the_new_one(site: Site, clock: FakeClock) -> None:
    old = await site.payer()
    await site.ledger.bill(old.account_id, "2026-12", 5_000, confirmed="2026-11-12")
    clock.go_to("2026-11-12T10:00")
    await open_payment_requests(site.services, now=clock.now())
    new = await site.payer_of(old.account_id)

    browser = await site.open(old)

    assert "新しいURLをお使いください" in browser.text
    assert f"ご注文番号{new.order_number}" in browser.text


async def test_f23_an_answer_that_got_lost_is_being_confirmed_and_then_paid(site: Site, clock: FakeClock) -> None:
    payer = await site.payer()
    browser = await site.to_confirmation(payer)
    await site.control("faults", {"rules": [{"kind": "drop_after", **CHARGE}]})

    await browser.press(PAY)
    waiting = browser.text
    clock.forward(minutes=2)
    await resolve_due(site.services, now=clock.now())
    await browser.open(browser.url)

    assert "結果を確認中です" in waiting
    assert "二重に請求されることはありません" in waiting
    assert "お支払いが完了しました" in browser.text
    assert len(await site.charges()) == 1


async def test_a_page_that_waits_looks_again_by_itself(site: Site) -> None:
    payer = await site.payer()
    browser = await site.to_confirmation(payer)
    await site.control("faults", {"rules": [{"kind": "drop_after", **CHARGE}]})
    await browser.press(PAY)

    async with browser.session.get(browser.url) as answer:
        refresh = answer.headers.get("Refresh")

    assert refresh == "10"


async def test_without_the_gateway_the_press_says_that_nothing_was_charged(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())
    rule = {"kind": "500_before", "path": "/v1/card_registrations/*", "times": 1}
    await site.control("faults", {"rules": [rule]})

    await browser.press(PAY)
    said, status = browser.text, browser.status
    await browser.press(PAY)

    assert status == 503
    assert "お支払いは行われていません" in said
    assert "お支払いが完了しました" in browser.text
    assert len(await site.charges()) == 1


async def test_without_the_gateway_the_confirmation_can_be_opened_anew(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())
    rule = {"kind": "500_before", "path": "/v1/card_registrations/*", "times": 1}
    await site.control("faults", {"rules": [rule]})

    await browser.open(browser.url)
    await browser.press("確認画面を開き直す")

    assert browser.buttons == [PAY, BACK]


async def test_the_issuers_question_is_asked_and_its_answer_shown(site: Site, clock: FakeClock) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, ASKS_ISSUER)
    question = browser.text

    await browser.follow("本人認証に進む")
    await browser.submit(browser.form(browser.buttons[0]), answer="confirm")
    await browser.open(f"{site.base}/pay/{payer.order_number}/done")
    answered = browser.text
    clock.forward(minutes=2)
    await resolve_due(site.services, now=clock.now())
    await browser.open(browser.url)

    assert "お支払いはまだ完了していません" in question
    assert "結果を確認中です" in answered
    assert "お支払いが完了しました" in browser.text


async def test_r05_an_issuers_question_of_the_last_minute_may_be_answered_after_midnight(
    site: Site, clock: FakeClock
) -> None:
    payer = await _opened_earlier(site, clock)
    browser = await site.to_confirmation(payer, ASKS_ISSUER)
    clock.go_to("2026-11-20T23:59:30")
    await browser.press(PAY)
    await expire_payment_requests(site.services, now=clock.go_to("2026-11-21T00:00"))
    clock.go_to("2026-11-21T00:10")

    await browser.open(browser.url)
    await browser.follow("本人認証に進む")
    await browser.submit(browser.form(browser.buttons[0]), answer="confirm")
    await resolve_due(site.services, now=clock.now())
    await browser.open(f"{site.base}/pay/{payer.order_number}/done")

    assert "お支払いが完了しました" in browser.text


async def test_the_issuers_question_is_not_shown_to_another_device(site: Site) -> None:
    payer = await site.payer()
    await site.pay(payer, ASKS_ISSUER)

    other = await site.open(payer)

    assert "カード会社の本人認証" in other.text
    assert "/3ds/" not in other.html
    assert other.buttons == [PROVE_TO_THE_ISSUER]
    assert "お手続きの続きを開く" not in other.links


async def test_the_issuers_question_is_answered_on_another_device_by_who_proves_who_they_are(site: Site) -> None:
    payer = await site.payer()
    await site.pay(payer, ASKS_ISSUER)

    other = await site.open(payer)
    await other.press(PROVE_TO_THE_ISSUER, phone_tail=payer.phone_tail)
    await other.follow("本人認証に進む")
    await other.submit(other.form(other.buttons[0]), answer="confirm")

    assert [charge["status"] for charge in await site.charges()] == ["succeeded"]
    assert await site.ledger.rows("SELECT count(*) FROM card_registration") == [(1,)]


async def test_the_device_that_met_the_issuers_question_is_led_on_from_the_url(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, ASKS_ISSUER)

    await browser.open(f"{site.base}/p/{payer.token}")
    await browser.follow("お手続きの続きを開く")

    assert "本人認証に進む" in browser.links


async def test_f42_before_the_issuers_question_wrong_answers_are_counted_too(site: Site) -> None:
    payer = await site.payer()
    await site.pay(payer, ASKS_ISSUER)
    other = await site.open(payer)
    form = other.form(PROVE_TO_THE_ISSUER)

    for _ in range(5):
        await other.submit(form, phone_tail="9999")
    offered = other.buttons
    await other.submit(form, phone_tail=payer.phone_tail)

    assert offered == other.buttons == []
    assert "入力の回数が上限に達した" in other.text
    assert other.url.endswith(payer.token)


async def test_a_refusal_that_was_ours_lets_the_same_card_be_pressed_again(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, OUR_FAULT)
    await browser.press("同じカードでもう一度試す")
    shown = browser.buttons

    await browser.press(PAY)

    assert shown == [PAY, BACK]
    assert "当社側の事情" in browser.text
    assert await site.ledger.rows("SELECT right(transaction_id, 3), state FROM payment_attempt ORDER BY 1") == [
        ("-01", "declined"),
        ("-02", "declined"),
    ]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("insufficient_funds", "ご利用可能額"),
        ("expired_card", "番号や有効期限"),
        ("stolen_card", "カード会社にお問い合わせいただくか、別のカード"),
        ("authentication_failed", "本人認証を最後まで"),
    ],
)
async def test_a_decline_says_what_helps_and_blames_nobody(site: Site, code: str, advice: str) -> None:
    browser = await site.to_confirmation(await site.payer())
    await site.control("outcomes", {"charges": [{"decline_code": code}]})

    await browser.press(PAY)

    assert advice in browser.text
    assert "請求は行われていません" in browser.text
    for word in ("盗難", "紛失", "不正なカード", code):
        assert word not in browser.html


async def test_f29_a_refused_card_cannot_be_pressed_again(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, STOLEN)

    await browser.open(f"{site.base}/pay/{payer.order_number}/confirm")
    confirmation = browser.buttons
    await browser.open(f"{site.base}/pay/{payer.order_number}/entry")

    assert confirmation == [ENTER_AGAIN]
    assert browser.buttons == ["カード情報を入力する"]
    assert len(await site.charges()) == 1


async def test_f93_five_declines_stop_the_url(site: Site) -> None:
    browser = await site.decline_five_times(await site.payer())

    assert "お電話でのご確認をお願いします" in browser.text
    assert browser.buttons == []


async def _opened_earlier(site: Site, clock: FakeClock) -> Payer:
    """A URL of the 10th, then on to the evening of the 20th."""
    clock.go_to("2026-11-10T10:00")
    payer = await site.payer()
    clock.go_to("2026-11-20T23:58")
    return payer
