import pytest
from gateway_rig import MERCHANT, Rig


async def test_a_charge_succeeds_and_can_be_fetched(gateway: Rig) -> None:
    card = await gateway.card()

    answer = await gateway.charge(card)

    charge = await answer.json()
    assert answer.status == 200
    assert answer.headers["X-Request-Id"]
    assert (charge["status"], charge["amount"], charge["currency"]) == ("succeeded", 8420, "jpy")
    assert charge["metadata"] == {"attempt_id": "A-1"}
    assert await gateway.fetch_charge(charge["id"]) == charge


@pytest.mark.parametrize(
    ("number", "code", "advice"),
    [
        ("4000000000000341", "do_not_honor", "try_again_later"),
        ("4000000000009995", "insufficient_funds", "try_again_later"),
        ("4000000000009961", "expired_card", "use_another_card"),
        ("4000000000009979", "stolen_card", "do_not_try_again"),
    ],
)
async def test_a_declining_card_answers_402_with_its_class(gateway: Rig, number: str, code: str, advice: str) -> None:
    answer = await gateway.charge(await gateway.card(number))

    error = (await answer.json())["error"]
    assert answer.status == 402
    assert (error["type"], error["decline_code"], error["advice"]) == ("card_error", code, advice)
    assert (await gateway.fetch_charge(error["charge"]))["status"] == "declined"


async def test_a_card_that_wants_its_holder_declines_in_his_absence_and_asks_in_his_presence(gateway: Rig) -> None:
    card = await gateway.card("4000002760003184")

    absent, present = await gateway.charge(card, present=False), await gateway.charge(card, present=True)

    error = (await absent.json())["error"]
    assert (absent.status, error["decline_code"], error["advice"]) == (402, "authentication_required", None)
    assert (await present.json())["status"] == "requires_action"


async def test_a_card_that_refuses_the_merchant_answers_400_and_makes_no_charge(gateway: Rig) -> None:
    answer = await gateway.charge(await gateway.card("4000000000009953"))

    error = (await answer.json())["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request", "merchant_not_allowed")
    assert (await gateway.truth())["charges"] == []


async def test_a_card_with_little_money_pays_once(gateway: Rig) -> None:
    card = await gateway.card("4000000000009987")

    first, second = await gateway.charge(card), await gateway.charge(card)

    assert (first.status, second.status) == (200, 402)
    assert (await second.json())["error"]["decline_code"] == "insufficient_funds"


async def test_a_card_past_its_last_month_is_declined_as_expired(gateway: Rig) -> None:
    card = await gateway.card()
    await gateway.control("clock", {"now": "2031-01-01T00:00:00+09:00"})

    answer = await gateway.charge(card)

    assert (await answer.json())["error"]["decline_code"] == "expired_card"


async def test_a_detached_card_is_restricted(gateway: Rig) -> None:
    card = await gateway.card()

    detached = await gateway.post(f"/v1/cards/{card['id']}/detach", {})

    assert (await detached.json())["detached"] is True
    answer = await gateway.charge(card)
    assert (await answer.json())["error"]["decline_code"] == "restricted_card"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": True},
        {"amount": 100.0},
        {"amount": "100"},
        {"amount": 10_000_000},
        {"currency": "usd"},
        {"reference": ""},
        {"present": "yes"},
        {"metadata": {"a": 1}},
        {"customer": "cus_none"},
        {"card": "card_none"},
        {"return_url": "javascript:alert(1)"},
        {"surprise": 1},
    ],
)
async def test_a_wrong_parameter_is_refused_and_makes_no_charge(gateway: Rig, changes: dict[str, object]) -> None:
    answer = await gateway.charge(await gateway.card(), **changes)

    assert answer.status == 400
    assert (await answer.json())["error"]["type"] == "invalid_request"
    assert (await gateway.truth())["charges"] == []


async def test_a_call_without_the_key_is_refused(gateway: Rig) -> None:
    answer = await gateway.client.get("/v1/charges", headers={"Authorization": "Bearer wrong"})

    assert answer.status == 401
    assert (await answer.json())["error"]["type"] == "authentication_error"


async def test_unknown_objects_routes_and_methods_answer_in_json(gateway: Rig) -> None:
    charge = await gateway.get("/v1/charges/ch_none")
    route = await gateway.get("/v1/nothing")
    method = await gateway.client.delete("/v1/charges", headers={"Authorization": "Bearer sk_test"})

    assert (charge.status, route.status, method.status) == (404, 404, 405)
    assert (await charge.json())["error"]["type"] == "not_found"
    assert (await route.json())["error"]["type"] == "not_found"
    assert (await method.json())["error"]["type"] == "invalid_request"


async def test_a_present_customer_is_asked_to_authenticate_and_then_pays(gateway: Rig) -> None:
    card = await gateway.card("4000003800000446")
    answer = await gateway.charge(card, return_url=f"{MERCHANT}/back?a=1")
    charge = await answer.json()

    asked = await gateway.client.get(path_of(charge["action_url"]))
    confirmed = await gateway.answer_challenge(path_of(charge["action_url"]), "confirm")

    assert (answer.status, charge["status"]) == (200, "requires_action")
    assert "8,420円" in await asked.text()
    assert confirmed.headers["Location"] == f"{MERCHANT}/back?a=1&charge={charge['id']}"
    assert (await gateway.fetch_charge(charge["id"]))["status"] == "succeeded"


async def test_a_refused_authentication_declines_the_charge(gateway: Rig) -> None:
    charge = await (await gateway.charge(await gateway.card("4000003800000446"))).json()

    refused = await gateway.answer_challenge(path_of(charge["action_url"]), "refuse")

    assert refused.status == 200
    ended = await gateway.fetch_charge(charge["id"])
    assert (ended["status"], ended["decline_code"]) == ("declined", "authentication_failed")


async def test_the_same_card_pays_unattended_without_a_question(gateway: Rig) -> None:
    answer = await gateway.charge(await gateway.card("4000003800000446"), present=False)

    assert (await answer.json())["status"] == "succeeded"


async def test_a_waiting_charge_is_canceled_and_authentication_comes_too_late(
    gateway: Rig,
) -> None:
    charge = await (await gateway.charge(await gateway.card("4000003800000446"))).json()

    canceled = await gateway.post(f"/v1/charges/{charge['id']}/cancel", {})
    await gateway.answer_challenge(path_of(charge["action_url"]), "confirm")

    assert (await canceled.json())["status"] == "canceled"
    assert (await gateway.fetch_charge(charge["id"]))["status"] == "canceled"
    assert (await gateway.truth())["transactions"] == []


async def test_cancelling_a_succeeded_charge_answers_that_it_succeeded(gateway: Rig) -> None:
    charge = await (await gateway.charge(await gateway.card())).json()

    answer = await gateway.post(f"/v1/charges/{charge['id']}/cancel", {})

    assert (answer.status, (await answer.json())["status"]) == (200, "succeeded")


def path_of(url: str) -> str:
    return url.removeprefix("http://gateway.example")
