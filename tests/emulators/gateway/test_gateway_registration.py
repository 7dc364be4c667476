import json
import logging

import pytest
from gateway_rig import BASE, CHALLENGED, MERCHANT, VISA, Rig

from emulators.gateway.cards import TEST_NUMBERS

WRONG_PARAMETERS = [
    {"origin": "merchant.example"},
    {"origin": f"{MERCHANT}/path"},
    {"origin": "http://merchant.example; script-src *"},
    {"return_url": "/relative"},
    {"return_url": "javascript:alert(1)"},
    {"expires_at": 1},
    {"expires_at": "soon"},
    {"customer": "cus_none"},
    {"surprise": 1},
]
ENTERED_WRONG = [
    ("number", "4242424242424241"),
    ("number", ""),
    ("expiry", "09/26"),
    ("expiry", "13/30"),
    ("expiry", "4242"),
    ("cvc", "12"),
    ("name", "山田太郎"),
    ("name", ""),
    ("name", VISA),
]


@pytest.mark.parametrize("changes", WRONG_PARAMETERS)
async def test_a_wrong_parameter_opens_no_registration(gateway: Rig, changes: dict[str, object]) -> None:
    customer = await gateway.customer()
    body = {
        "customer": customer,
        "reference": "O-1",
        "return_url": MERCHANT,
        "origin": MERCHANT,
        "expires_at": 2_000_000_000,
    }

    answer = await gateway.post("/v1/card_registrations", body | changes)

    assert answer.status == 400
    assert (await gateway.truth())["registrations"] == []


async def test_the_hosted_page_registers_a_card_without_javascript(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())

    page = await gateway.client.get(registration["hosted_url"].removeprefix(BASE))
    sent = await gateway.enter_hosted(registration, VISA)

    text = await page.text()
    back = f"{MERCHANT}/p/return?nonce=a%2Fb&registration={registration['id']}"
    assert "<script" not in text
    assert "入力内容を確認する" in text
    assert f'href="{back.replace("&", "&amp;")}">前画面に戻る' in text
    assert (sent.status, sent.headers["Location"]) == (303, back)
    card = (await gateway.registration_now(registration))["card"]
    assert (card["brand"], card["last4"], card["exp_month"], card["exp_year"]) == ("visa", "4242", 12, 2030)
    assert card["three_d_secure"]["result"] == "authenticated"


async def test_a_return_url_without_a_query_gets_one(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer(), return_url=f"{MERCHANT}/back")

    sent = await gateway.enter_hosted(registration, VISA)

    assert sent.headers["Location"] == f"{MERCHANT}/back?registration={registration['id']}"


async def test_a_second_press_only_leads_back(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())

    first, second = [await gateway.enter_hosted(registration, VISA) for _ in range(2)]

    assert first.headers["Location"] == second.headers["Location"]
    assert len((await gateway.truth())["cards"]) == 1


@pytest.mark.parametrize(("field", "value"), ENTERED_WRONG)
async def test_a_wrong_entry_shows_the_page_again_and_keeps_what_is_harmless(
    gateway: Rig, field: str, value: str
) -> None:
    registration = await gateway.registration(await gateway.customer())

    answer = (
        await gateway.enter_hosted(registration, VISA, **{field: value})
        if field != "number"
        else (await gateway.enter_hosted(registration, value))
    )

    text = await answer.text()
    assert answer.status == 422
    assert text.count('aria-invalid="true"') == 1
    assert VISA not in text
    assert 'value="123"' not in text
    assert (await gateway.registration_now(registration))["status"] == "open"


async def test_typed_expiry_and_name_are_kept_after_an_error(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())

    text = await (await gateway.enter_hosted(registration, "1234", expiry="1230", name="Ｈanako Ｓato")).text()

    assert 'value="12/30"' in text
    assert 'value="Hanako Sato"' in text


@pytest.mark.parametrize("expiry", ["12/30", "1230", "12/2030", "122030", "12 / 30", "１２／３０", "2030-12", "12-30"])
async def test_an_expiry_may_be_typed_in_many_ways(gateway: Rig, expiry: str) -> None:
    registration = await gateway.registration(await gateway.customer())

    await gateway.enter_hosted(registration, VISA, expiry=expiry)

    card = (await gateway.registration_now(registration))["card"]
    assert (card["exp_month"], card["exp_year"]) == (12, 2030)


@pytest.mark.parametrize(
    "number", ["4242 4242 4242 4242", "4242-4242-4242-4242", "４２４２　４２４２　４２４２　４２４２"]
)
async def test_a_number_may_be_typed_in_many_ways(gateway: Rig, number: str) -> None:
    registration = await gateway.registration(await gateway.customer())

    await gateway.enter_hosted(registration, number)

    assert (await gateway.registration_now(registration))["card"]["last4"] == "4242"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("4000000000000002", "do_not_honor"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4000000000000119", "processing_error"),
        ("6011111111111117", "unacceptable_brand"),
        ("6200000000000005", "unacceptable_brand"),
        ("4111111111111111", "invalid_number"),
    ],
)
async def test_a_declined_registration_says_why_and_may_be_tried_again(gateway: Rig, number: str, code: str) -> None:
    registration = await gateway.registration(await gateway.customer())

    refused = await gateway.enter_hosted(registration, number)
    after = await gateway.registration_now(registration)
    await gateway.enter_hosted(registration, VISA)

    assert refused.status == 422
    assert 'role="alert">' in await refused.text()
    assert (after["status"], after["decline_code"], after["card"]) == ("declined", code, None)
    final = await gateway.registration_now(registration)
    assert (final["status"], final["decline_code"]) == ("succeeded", None)


async def test_r01_every_accepted_brand_is_registered(gateway: Rig) -> None:
    brands = {
        VISA: "visa",
        "5555555555554444": "mastercard",
        "3530111333300000": "jcb",
        "378282246310005": "amex",
        "36227206271667": "diners",
        "38520000023237": "diners",
    }

    registered = {number: (await gateway.card(number))["brand"] for number in brands}

    assert registered == brands


async def test_the_hosted_challenge_is_passed_by_redirects(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())

    sent = await gateway.enter_hosted(registration, CHALLENGED)
    waiting = await gateway.registration_now(registration)
    page = await (await gateway.client.get(sent.headers["Location"])).text()
    confirmed = await gateway.answer_challenge(sent.headers["Location"], "confirm")

    assert (sent.status, waiting["status"], waiting["card"]) == (303, "challenge", None)
    assert "認証する" in page
    assert "認証しない" in page
    assert confirmed.headers["Location"].endswith(f"registration={registration['id']}")
    assert (await gateway.registration_now(registration))["status"] == "succeeded"


@pytest.mark.parametrize(("number", "answer"), [(CHALLENGED, "refuse"), ("4000008400001629", "confirm")])
async def test_a_failed_challenge_declines_and_shows_the_form_again(gateway: Rig, number: str, answer: str) -> None:
    registration = await gateway.registration(await gateway.customer())
    sent = await gateway.enter_hosted(registration, number)

    failed = await gateway.answer_challenge(sent.headers["Location"], answer)

    after = await gateway.registration_now(registration)
    assert (after["status"], after["decline_code"]) == ("declined", "authentication_failed")
    page = await (await gateway.client.get(failed.headers["Location"])).text()
    assert "本人認証が完了しませんでした" in page


async def test_only_the_first_answer_of_a_challenge_counts(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())
    sent = await gateway.enter_hosted(registration, CHALLENGED)

    await gateway.answer_challenge(sent.headers["Location"], "refuse")
    await gateway.answer_challenge(sent.headers["Location"], "confirm")

    assert (await gateway.registration_now(registration))["status"] == "declined"


async def test_the_frame_answers_its_script_in_json(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())

    wrong = await gateway.enter_frame(registration, "4242424242424241")
    refused = await gateway.enter_frame(registration, "6011111111111117")
    asked = await gateway.enter_frame(registration, CHALLENGED)
    confirmed = await gateway.answer_challenge(asked["url"], "confirm")
    ended = await (await gateway.client.get(confirmed.headers["Location"])).text()

    assert (wrong["result"], list(wrong["errors"])) == ("invalid", ["number"])
    assert refused["result"] == "declined"
    assert "American Express" in refused["errors"]["number"]
    assert asked["result"] == "challenge"
    assert 'data-state="succeeded"' in ended
    assert (await gateway.registration_now(registration))["status"] == "succeeded"


async def test_an_expired_registration_takes_no_card(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())
    asked = await gateway.enter_frame(registration, CHALLENGED)
    gateway.clock.advance(hours=1)

    hosted = await gateway.enter_hosted(registration, VISA)
    framed = await gateway.enter_frame(registration, VISA)
    await gateway.answer_challenge(asked["url"], "confirm")

    assert "有効期限が切れました" in await hosted.text()
    assert framed["result"] == "expired"
    assert (await gateway.registration_now(registration))["status"] == "expired"
    assert (await gateway.truth())["cards"] == []


async def test_the_pages_are_strict_about_frames_scripts_and_caches(gateway: Rig) -> None:
    registration = await gateway.registration(await gateway.customer())

    frame = await gateway.client.get(registration["fields_url"].removeprefix(BASE))
    hosted = await gateway.client.get(registration["hosted_url"].removeprefix(BASE))
    lost = await gateway.client.get("/fields/unknown")

    assert f"frame-ancestors {MERCHANT}" in frame.headers["Content-Security-Policy"]
    assert "unsafe" not in frame.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in hosted.headers["Content-Security-Policy"]
    assert f"form-action 'self' {MERCHANT}" in hosted.headers["Content-Security-Policy"]
    assert {page.headers["Cache-Control"] for page in (frame, hosted, lost)} == {"no-store"}
    assert {page.headers["Referrer-Policy"] for page in (frame, hosted, lost)} == {"no-referrer"}
    assert lost.status == 404


async def test_the_same_number_has_the_same_fingerprint_and_another_has_another(gateway: Rig) -> None:
    first, second, other = await gateway.card(), await gateway.card(), await gateway.card("5555555555554444")

    assert first["fingerprint"] == second["fingerprint"] != other["fingerprint"]
    assert first["id"] != second["id"]


async def test_no_card_number_is_kept_or_logged_anywhere(gateway: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for number in TEST_NUMBERS:
        registration = await gateway.registration(await gateway.customer())
        await gateway.enter_hosted(registration, number, name=number)
        await gateway.enter_frame(registration, number)
    await gateway.post("/v1/customers", {"reference": VISA})

    truth = json.dumps(await gateway.truth() | {"customers": []})
    requests = await (await gateway.client.get("/_control/requests")).text()

    seen = truth + requests + caplog.text
    assert [number for number in TEST_NUMBERS if number in seen] == []
    assert "[card number]" in requests
