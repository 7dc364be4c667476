import asyncio

from gateway_rig import Rig, order


async def test_the_same_key_and_body_answer_the_first_answer_again(gateway: Rig) -> None:
    card = await gateway.card()

    first = await gateway.charge(card, key="pay")
    again = await gateway.charge(card, key="pay")

    assert await again.json() == await first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await gateway.truth())["charges"]) == 1


async def test_the_order_of_the_parameters_does_not_matter(gateway: Rig) -> None:
    card = await gateway.card()
    turned = dict(reversed(order(card).items()))

    await gateway.charge(card, key="pay")
    again = await gateway.post("/v1/charges", turned, key="pay")

    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_decline_is_answered_again(gateway: Rig) -> None:
    card = await gateway.card("4000000000009995")

    first = await gateway.charge(card, key="pay")
    again = await gateway.charge(card, key="pay")

    assert (again.status, await again.json()) == (402, await first.json())


async def test_the_same_key_with_another_body_or_path_is_a_conflict(gateway: Rig) -> None:
    card = await gateway.card()
    await gateway.charge(card, key="pay")

    other_body = await gateway.charge(card, key="pay", amount=1)
    other_path = await gateway.post("/v1/refunds", order(card), key="pay")

    assert (other_body.status, other_path.status) == (409, 409)
    assert (await other_body.json())["error"]["type"] == "idempotency_error"
    assert len((await gateway.truth())["charges"]) == 1


async def test_the_same_key_while_the_first_runs_is_a_conflict(gateway: Rig) -> None:
    card = await gateway.card()
    rule = {"path": "/v1/charges", "kind": "delay", "seconds": 0.5, "times": 1}
    await gateway.control("faults", {"rules": [rule]})

    first, second = await asyncio.gather(gateway.charge(card, key="pay"), gateway.charge(card, key="pay"))

    assert sorted([first.status, second.status]) == [200, 409]
    loser = first if first.status == 409 else second
    assert (await loser.json())["error"]["code"] == "idempotency_in_progress"
    assert len((await gateway.truth())["charges"]) == 1


async def test_a_key_is_new_again_24_hours_after_its_first_use(gateway: Rig) -> None:
    card = await gateway.card()
    first = await gateway.charge(card, key="pay")

    gateway.clock.advance(hours=24, seconds=-1)
    replayed = await gateway.charge(card, key="pay")
    gateway.clock.advance(seconds=1)
    anew = await gateway.charge(card, key="pay")

    assert (await replayed.json())["id"] == (await first.json())["id"]
    assert (await anew.json())["id"] != (await first.json())["id"]


async def test_a_post_without_a_key_is_refused(gateway: Rig) -> None:
    headers = {"Authorization": "Bearer sk_test"}

    missing = await gateway.client.post("/v1/customers", json={"reference": "a"}, headers=headers)
    too_long = await gateway.post("/v1/customers", {"reference": "a"}, key="k" * 256)

    assert (missing.status, too_long.status) == (400, 400)


async def test_a_refused_call_is_remembered_under_its_key(gateway: Rig) -> None:
    card = await gateway.card()

    await gateway.charge(card, key="pay", amount=0)
    again = await gateway.charge(card, key="pay", amount=0)

    assert (again.status, again.headers["Idempotency-Replayed"]) == (400, "true")
