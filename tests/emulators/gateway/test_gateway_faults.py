import asyncio

import aiohttp
import pytest
from gateway_rig import Rig


async def strike(gateway: Rig, kind: str, **more: object) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": kind, "times": 1}
    await gateway.control("faults", {"rules": [rule | more]})


async def pay(gateway: Rig, card: dict[str, str]) -> int:
    return (await gateway.charge(card, key="pay")).status


@pytest.mark.parametrize(("kind", "charged"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_may_hide_a_charge(gateway: Rig, kind: str, charged: int) -> None:
    card = await gateway.card()
    await strike(gateway, kind)

    with pytest.raises(aiohttp.ClientConnectionError):
        await pay(gateway, card)

    assert len((await gateway.truth())["charges"]) == charged
    assert await pay(gateway, card) == 200
    assert len((await gateway.truth())["charges"]) == 1


@pytest.mark.parametrize(("kind", "charged"), [("500_before", 0), ("500_after", 1)])
async def test_a_server_error_may_hide_a_charge_and_replay_tells_the_truth(
    gateway: Rig, kind: str, charged: int
) -> None:
    card = await gateway.card()
    await strike(gateway, kind)

    status = await pay(gateway, card)

    assert status == 500
    assert len((await gateway.truth())["charges"]) == charged
    assert await pay(gateway, card) == 200
    assert len((await gateway.truth())["charges"]) == 1


async def test_a_rate_limit_says_when_to_come_back(gateway: Rig) -> None:
    card = await gateway.card()
    await strike(gateway, "429", seconds=3)

    answer = await gateway.charge(card)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    assert (await answer.json())["error"]["type"] == "rate_limited"
    assert (await gateway.charge(card)).status == 200


@pytest.mark.parametrize(("kind", "charged"), [("hang", 0), ("hang_after", 1)])
async def test_a_hanging_call_answers_nothing(gateway: Rig, kind: str, charged: int) -> None:
    card = await gateway.card()
    await strike(gateway, kind)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pay(gateway, card), timeout=0.3)

    assert len((await gateway.truth())["charges"]) == charged


async def test_a_slow_charge_is_made_after_the_client_gave_up(gateway: Rig) -> None:
    card = await gateway.card()
    await strike(gateway, "delay", seconds=0.3)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pay(gateway, card), timeout=0.1)

    await asyncio.sleep(0.4)
    assert len((await gateway.truth())["charges"]) == 1


async def test_a_fault_without_a_limit_strikes_until_it_is_taken_back(gateway: Rig) -> None:
    card = await gateway.card()
    await strike(gateway, "500_before", times=None, path="/v1/*")

    struck = [(await gateway.charge(card)).status for _ in range(3)]
    await gateway.control("faults", {"rules": []})

    assert struck == [500, 500, 500]
    assert (await gateway.charge(card)).status == 200


async def test_seeded_dice_fall_the_same_way_again(gateway: Rig) -> None:
    card = await gateway.card()

    async def throws() -> list[int]:
        rule = {"path": "*", "kind": "500_before", "probability": 0.5}
        await gateway.control("faults", {"rules": [rule], "seed": 7})
        return [(await gateway.charge(card)).status for _ in range(12)]

    first, second = await throws(), await throws()

    assert first == second
    assert set(first) == {200, 500}


async def test_scripted_outcomes_go_to_the_closest_binding_first(gateway: Rig) -> None:
    card = await gateway.card()
    outcomes = [
        {"decline_code": "lost_card"},
        {"succeed": True, "customer": card["customer"]},
        {"decline_code": "processing_error", "reference": "O-1"},
    ]
    await gateway.control("outcomes", {"charges": outcomes})

    codes = []
    for _ in range(4):
        answer = await (await gateway.charge(card)).json()
        codes.append(answer.get("error", {}).get("decline_code"))

    assert codes == ["processing_error", None, "lost_card", None]


async def test_a_scripted_question_needs_the_customer(gateway: Rig) -> None:
    card = await gateway.card()
    question = {"requires_action": True}
    await gateway.control("outcomes", {"charges": [question, question]})

    present = await (await gateway.charge(card)).json()
    absent = await (await gateway.charge(card, present=False)).json()

    assert present["status"] == "requires_action"
    assert absent["error"]["decline_code"] == "authentication_required"


async def test_a_decline_may_turn_into_a_late_success(gateway: Rig) -> None:
    answer = await (await gateway.charge(await gateway.card("4000000000009995"))).json()
    charge_id = answer["error"]["charge"]

    late = await gateway.control(f"charges/{charge_id}/late_success")

    assert (late["status"], late["decline_code"]) == ("succeeded", None)
    assert [line["charge"] for line in (await gateway.truth())["transactions"]] == [charge_id]
    again = await gateway.client.post(f"/_control/charges/{charge_id}/late_success")
    assert again.status == 400


async def test_a_reset_forgets_everything_but_the_configuration(gateway: Rig) -> None:
    await gateway.charge(await gateway.card())
    await gateway.control("faults", {"rules": [{"kind": "500_before"}]})
    await gateway.control("clock", {"offset_seconds": 3600})

    await gateway.control("reset")

    truth = await gateway.truth()
    assert not any(truth.values())
    clock = await (await gateway.client.get("/_control/clock")).json()
    assert clock["offset_seconds"] == 0
    assert (await gateway.get("/v1/charges")).status == 200


async def test_the_clock_is_set_by_instant_or_by_offset(gateway: Rig) -> None:
    moved = await gateway.control("clock", {"now": "2026-12-10T10:00:00+09:00"})
    back = await gateway.control("clock", {"offset_seconds": 0})
    vague = await gateway.client.post("/_control/clock", json={"now": "2026-12-10T10:00:00"})

    assert moved["now"] == "2026-12-10T01:00:00+00:00"
    assert back["now"] == gateway.clock.now.isoformat()
    assert vague.status == 400
