"""Applying for another card (R09-R11): who applies is proved by a code, and nobody learns which numbers exist."""

from sqlalchemy import text

from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.request_card_change import withdraw_card_change
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.simple_browser import SimpleBrowser
from tests.web.people import APPLY, NUMBER, PHONE, SEND_CODE, codes, customer
from tests.web.site import Site

STATES = "SELECT state FROM card_change_request ORDER BY id"


async def test_r09_the_right_code_is_an_application(site: Site) -> None:
    await customer(site)

    browser = await _apply(site)

    assert browser.url == f"{site.base}/apply/received"
    assert "翌月または翌々月の請求分から" in browser.text
    assert await site.ledger.rows(STATES) == [("received",)]
    assert await site.ledger.rows("SELECT facts->>'number_tail' FROM notice WHERE kind = 'card_change_received'") == [
        ("0001",)
    ]


async def test_numbers_are_taken_as_people_write_them(site: Site) -> None:
    await customer(site)
    browser = await site.browser().open(f"{site.base}/apply")

    await browser.press(SEND_CODE, customer_number="０００-０００ 0001", phone="０９０（１２３４）５６７８")

    assert len(await codes(site)) == 1


async def test_the_page_is_the_same_whether_or_not_the_numbers_exist(site: Site) -> None:
    await customer(site)
    pages = []

    for number in (NUMBER, "9999999999"):
        browser = await site.browser().open(f"{site.base}/apply")
        await browser.press(SEND_CODE, customer_number=number, phone=PHONE)
        sent = browser.html
        await browser.press(APPLY, code="000000")
        pages.append((browser.status, sent, browser.html))

    assert pages[0] == pages[1]
    assert len(await codes(site)) == 1


async def test_a_wrong_phone_sends_no_code(site: Site) -> None:
    await customer(site)
    browser = await site.browser().open(f"{site.base}/apply")

    await browser.press(SEND_CODE, customer_number=NUMBER, phone="090-9999-9999")

    assert await codes(site) == []


async def test_fields_that_cannot_be_right_are_said_beside_them(site: Site) -> None:
    browser = await site.browser().open(f"{site.base}/apply")

    await browser.press(SEND_CODE, customer_number="x", phone="03-1234-5678")

    assert browser.status == 422
    assert "入力をご確認いただく欄が2か所あります" in browser.text
    assert browser.html.count('aria-invalid="true"') == 2
    assert browser.html.count("autofocus") == 1
    assert 'value="03-1234-5678"' in browser.html


async def test_a_code_is_good_for_five_tries(site: Site) -> None:
    await customer(site)
    browser = await _ask(site)
    wrong = f"{(int((await codes(site))[0]) + 1) % 1_000_000:06d}"

    for _ in range(5):
        await browser.press(APPLY, code=wrong)
    await browser.press(APPLY, code=(await codes(site))[0])

    assert "コードが違うか" in browser.text
    assert await site.ledger.rows(STATES) == []


async def test_a_code_is_good_for_ten_minutes(site: Site, clock: FakeClock) -> None:
    await customer(site)
    browser = await _ask(site)
    clock.forward(minutes=10)

    await browser.press(APPLY, code=(await codes(site))[0])

    assert browser.status == 422
    assert await site.ledger.rows(STATES) == []


async def test_a_code_is_good_once(site: Site) -> None:
    await customer(site)
    browser = await _ask(site)
    url, form = browser.url, browser.form(APPLY)
    code = (await codes(site))[0]
    await browser.submit(form, code=code)

    browser.url = url
    await browser.submit(form, code=code)

    assert browser.status == 422


async def test_a_code_for_linking_line_does_not_apply(site: Site) -> None:
    await customer(site)
    browser = await _ask(site)
    await site.ledger.one(text("UPDATE verification SET purpose = 'line_link' RETURNING 1"))

    await browser.press(APPLY, code=(await codes(site))[0])

    assert browser.status == 422


async def test_three_codes_an_hour_are_enough_for_one_account(site: Site, clock: FakeClock) -> None:
    await customer(site)

    for _ in range(4):
        await _ask(site)
    within_the_hour = len(await codes(site))
    clock.forward(minutes=61)
    await _ask(site)

    assert within_the_hour == 3
    assert len(await codes(site)) == 4


async def test_the_database_does_not_hold_the_code(site: Site) -> None:
    await customer(site)
    await _ask(site)
    code = (await codes(site))[0]

    rows = await site.dump()

    assert [row for table in rows.values() for row in table if code in row] == []


async def test_r11_applying_again_finds_the_same_application(site: Site) -> None:
    await customer(site)

    await _apply(site)
    await _apply(site)

    assert await site.ledger.rows(STATES) == [("received",)]
    assert len(await site.ledger.rows("SELECT 1 FROM notice WHERE kind = 'card_change_received'")) == 1


async def test_an_application_can_be_taken_back(site: Site) -> None:
    account_id = await customer(site)
    await _apply(site)

    is_withdrawn = await withdraw_card_change(site.services, account_id=account_id, now=site.services.clock.now())
    is_again = await withdraw_card_change(site.services, account_id=account_id, now=site.services.clock.now())

    assert (is_withdrawn, is_again) == (True, False)
    assert await site.ledger.rows(STATES) == [("withdrawn",)]


async def test_the_old_card_is_not_charged_when_the_charge_still_waits(site: Site, clock: FakeClock) -> None:
    clock.go_to("2026-11-10T08:00")  # opened before the send hours: the charge waits until ten
    account_id = await customer(site)
    await registered_card(site.ledger, account_id)
    await site.ledger.bill(account_id, "2026-11", 7_480, confirmed="2026-11-08")
    await open_payment_requests(site.services, now=clock.now())

    await _apply(site)

    assert await site.ledger.rows("SELECT state FROM payment_attempt") == [("withdrawn",)]
    assert await site.ledger.rows("SELECT way, state FROM payment_request") == [("link", "open")]
    assert await site.ledger.rows("SELECT * FROM bill_claim") == []
    assert await site.ledger.rows(STATES) == [("link_sent",)]
    assert await site.ledger.rows("SELECT facts->>'reason' FROM notice WHERE kind = 'payment_link'") == [
        ("card_change",)
    ]


async def test_the_url_sent_instead_pays_with_the_new_card(site: Site, clock: FakeClock) -> None:
    clock.go_to("2026-10-10T10:00")
    account_id = await customer(site)
    await site.ledger.bill(account_id, "2026-10", 6_120, confirmed="2026-10-08")
    await open_payment_requests(site.services, now=clock.now())
    await site.pay(await site.payer_of(account_id))
    clock.go_to("2026-11-10T08:00")
    await site.ledger.bill(account_id, "2026-11", 7_480, confirmed="2026-11-08")
    await open_payment_requests(site.services, now=clock.now())
    await _apply(site)

    browser = await site.pay(await site.payer_of(account_id), "5555555555554444")

    assert "お支払いが完了しました" in browser.text
    assert await site.ledger.rows(STATES) == [("completed",)]
    cards = await site.ledger.rows("SELECT last4, state FROM card_on_file ORDER BY id")
    assert cards == [("4242", "replaced"), ("4444", "active")]


async def _ask(site: Site) -> SimpleBrowser:
    browser = await site.browser().open(f"{site.base}/apply")
    return await browser.press(SEND_CODE, customer_number=NUMBER, phone=PHONE)


async def _apply(site: Site) -> SimpleBrowser:
    browser = await _ask(site)
    return await browser.press(APPLY, code=(await codes(site))[-1])
