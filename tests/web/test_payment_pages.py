"""From the URL to the completion page, as a person without JavaScript walks it (R16-R19)."""

from tests.web.site import BACK, CHECK, CONSENT, ENTER_AGAIN, PAY, VISA, Site


async def test_r14_r19_a_payer_goes_from_the_url_to_the_completion(site: Site) -> None:
    payer = await site.payer(1, ("2026-10", 6_120), ("2026-11", 7_480))

    browser = await site.pay(payer)

    assert browser.url == f"{site.base}/pay/{payer.order_number}/done"
    for words in (
        "お支払いが完了しました",
        "13,600円",
        "2026年10月分の電気料金6,120円",
        "Visa",
        "4242",
        "領収書は発行",
    ):
        assert words in browser.text
    assert f"取引ID{payer.order_number}-01" in browser.text
    assert [charge["amount"] for charge in await site.charges()] == [13_600]


async def test_the_url_shows_what_is_to_be_paid_and_asks_who_is_there(site: Site) -> None:
    payer = await site.payer(1, ("2026-10", 6_120), ("2026-11", 7_480))

    browser = await site.open(payer)

    for words in (
        "つきばらい電力",
        "13,600円",
        "2026年11月分の電気料金7,480円",
        "2026年11月20日（金）まで",
        "末尾0001",
    ):
        assert words in browser.text
    assert payer.order_number in browser.text
    assert browser.buttons == [CONSENT]


async def test_before_proof_no_page_shows_a_name_a_full_number_or_a_place(site: Site) -> None:
    payer = await site.payer()

    browser = await site.open(payer)

    for secret in ("山田", "ヤマダ", "0000000001", "丸の内", "+8190"):
        assert secret not in browser.html


async def test_the_title_tells_a_preview_nothing(site: Site) -> None:
    payer = await site.payer()

    browser = await site.open(payer)
    title = browser.html.partition("<title>")[2].partition("</title>")[0]

    assert title == "電気料金のカード払い | つきばらい電力"
    assert "og:" not in browser.html


async def test_a_wrong_answer_is_counted_and_said_beside_the_field(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)

    await browser.press(CONSENT, phone_tail="9999")

    assert browser.status == 422
    assert "番号が一致しませんでした" in browser.text
    assert "あと4回" in browser.text
    assert 'aria-invalid="true"' in browser.html


async def test_f42_five_wrong_answers_stop_the_url_and_name_the_telephone(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)

    for _ in range(5):
        await browser.press(CONSENT, phone_tail="9999")

    assert "お電話でのご確認をお願いします" in browser.text
    assert browser.buttons == []
    assert "お電話でのご確認" in (await site.open(payer)).text


async def test_something_else_than_four_digits_is_not_counted(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)

    for answer in ("", "12", "abcd", "12345"):
        await browser.press(CONSENT, phone_tail=answer)

    assert "お電話番号の下4桁を、数字で入力してください" in browser.text
    assert await site.ledger.rows("SELECT proof_failures FROM payment_link") == [(0,)]


async def test_full_width_digits_are_accepted(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)

    await browser.press(CONSENT, phone_tail="０００１")

    assert browser.url.endswith("/entry")


async def test_who_types_the_whole_telephone_number_means_its_last_four_digits(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)

    await browser.press(CONSENT, phone_tail="090-9999-9999")
    counted = browser.text
    await browser.press(CONSENT, phone_tail=f"０９０－９９９９－{payer.phone_tail}")

    assert "あと4回" in counted
    assert browser.url.endswith("/entry")


async def test_who_comes_back_to_the_url_on_the_same_device_may_go_on(site: Site) -> None:
    payer = await site.payer()
    browser = await site.prove(payer)

    await browser.open(f"{site.base}/p/{payer.token}")
    elsewhere = await site.open(payer)
    await browser.follow("続きから進む")

    assert browser.url == f"{site.base}/pay/{payer.order_number}/entry"
    assert "続きから進む" not in elsewhere.text


async def test_r15_the_consent_is_kept_with_its_version(site: Site) -> None:
    await site.prove(await site.payer())

    versions = await site.ledger.rows("SELECT consent_version, consented_at IS NOT NULL FROM card_registration")

    assert versions == [("2026-11-28", True)]


async def test_an_old_consent_text_is_shown_anew_instead_of_being_taken(site: Site) -> None:
    payer = await site.payer()
    browser = await site.open(payer)
    form = browser.form(CONSENT)

    await browser.submit(form, phone_tail=payer.phone_tail, consent_version="2020-01-01")

    assert browser.status == 422
    assert "同意文が新しくなりました" in browser.text


async def test_r02_r17_the_entry_page_shows_what_the_guide_promises(site: Site) -> None:
    payer = await site.payer()

    browser = await site.prove(payer)

    assert browser.url == f"{site.base}/pay/{payer.order_number}/entry"
    for words in (
        "一括払い",
        f"取引ID{payer.order_number}-01",
        "7,480円",
        "画面有効期限2026年11月20日（金）まで",
        CHECK,
    ):
        assert words in browser.text
    assert f"ご注文番号{payer.order_number}" in browser.text
    assert "<iframe" in browser.html


async def test_r02_r15_r18_the_confirmation_shows_card_and_amount_and_its_two_buttons(site: Site) -> None:
    payer = await site.payer()

    browser = await site.to_confirmation(payer)

    assert browser.buttons == [PAY, BACK]
    for words in (
        "Visa",
        "4242",
        "7,480円",
        "2026年11月分",
        payer.order_number,
        f"{payer.order_number}-01",
        "一括払い",
        "お客様とカード会社との会員規約が適用されます",
    ):
        assert words in browser.text
    assert "東京都千代田区丸の内（以下省略）" in browser.text
    assert VISA not in browser.html


async def test_r18_going_back_keeps_the_card_and_comes_again(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())

    await browser.press(BACK)
    kept = browser.text
    await browser.press(CHECK)

    assert "4242" in kept
    assert browser.buttons == [PAY, BACK]


async def test_another_card_can_be_entered_before_paying(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())

    await browser.press(BACK)
    await browser.press("別のカードを入力する")
    await site.type_card(browser, "5555555555554444")

    assert "Mastercard" in browser.text
    assert "4444" in browser.text


async def test_a_paid_url_says_so_on_any_device(site: Site) -> None:
    payer = await site.payer()
    await site.pay(payer)

    browser = await site.open(payer)

    assert "お支払いは完了しています" in browser.text
    assert browser.buttons == []


async def test_two_orders_in_one_browser_do_not_mix(site: Site) -> None:
    first, second = await site.payer(1), await site.payer(2)
    browser = await site.to_confirmation(first)
    await browser.open(f"{site.base}/p/{second.token}")
    await browser.press(CONSENT, phone_tail=second.phone_tail)

    await browser.open(f"{site.base}/pay/{first.order_number}/confirm")
    await browser.press(PAY)

    assert f"ご注文番号{first.order_number}" in browser.text
    assert await site.ledger.rows("SELECT order_number FROM payment_request WHERE state = 'settled'") == [
        (first.order_number,)
    ]


async def test_a_session_opens_its_own_order_only(site: Site) -> None:
    first, second = await site.payer(1), await site.payer(2)
    browser = await site.prove(first)
    cookie = next(iter(browser.session.cookie_jar))
    browser.session.cookie_jar.update_cookies({f"pay-{second.order_number}": cookie.value})

    await browser.open(f"{site.base}/pay/{second.order_number}/entry")

    assert browser.status == 403
    assert "もう一度URLを開いてください" in browser.text


async def test_f44_a_device_without_the_session_is_led_back_to_the_url(site: Site) -> None:
    payer = await site.payer()
    await site.prove(payer)

    stranger = await site.browser().open(f"{site.base}/pay/{payer.order_number}/confirm")

    assert stranger.status == 403
    assert "この端末での確認が切れました" in stranger.text
    assert "Cookie" in stranger.text


async def test_the_entry_page_without_a_card_entry_offers_one(site: Site) -> None:
    payer = await site.payer()
    await site.control("faults", {"rules": [{"kind": "500_before", "path": "/v1/card_registrations", "times": 1}]})
    browser = await site.prove(payer)

    offered = browser.buttons
    await browser.press("カード情報を入力する")

    assert offered == ["カード情報を入力する"]
    assert "/hosted/" in browser.html


async def test_f29_a_card_entry_that_has_expired_is_offered_anew_and_charges_nothing(site: Site) -> None:
    payer = await site.payer()
    browser = await site.prove(payer)
    await site.control("clock", {"now": "2026-11-21T00:00:01+09:00"})

    await browser.open(f"{site.base}/pay/{payer.order_number}/entry")

    assert "カードの入力画面の有効期限が切れました" in browser.text
    assert browser.buttons == ["カード情報を入力する"]
    assert await site.charges() == []


async def test_f25_a_declined_card_brings_advice_and_the_next_try_pays(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, "4000000000009995")

    declined = browser.text
    await browser.press(ENTER_AGAIN)
    await site.type_card(browser)
    await browser.press(PAY)

    assert "請求は行われていません" in declined
    assert "ご利用可能額" in declined
    assert f"取引ID{payer.order_number}-02" in browser.text
    assert "お支払いが完了しました" in browser.text
