import asyncio

from gateway_rig import Receiver, Rig


async def test_webhooks_tell_what_happened_signed_over_the_raw_body(gateway: Rig, receiver: Receiver) -> None:
    charge = await (await gateway.charge(await gateway.card())).json()

    await receiver.wait_for(2)

    told = {event["type"]: event["data"]["object"] for event in receiver.events()}
    assert told.keys() == {"registration.succeeded", "charge.succeeded"}
    assert told["charge.succeeded"] == charge
    assert receiver.is_signed(0)
    assert receiver.is_signed(1)


async def test_every_end_of_a_charge_and_a_refund_are_told(gateway: Rig, receiver: Receiver) -> None:
    asking, good = await gateway.card("4000003800000446"), await gateway.card()
    waiting = await (await gateway.charge(asking)).json()
    await gateway.post(f"/v1/charges/{waiting['id']}/cancel", {})
    paid = await (await gateway.charge(good)).json()
    await gateway.post("/v1/refunds", {"charge": paid["id"], "amount": 1})
    await gateway.charge(await gateway.card("4000000000009995"))

    await receiver.wait_for(8)

    told = sorted(event["type"] for event in receiver.events())
    assert told == [
        "charge.canceled",
        "charge.declined",
        "charge.requires_action",
        "charge.succeeded",
        "refund.succeeded",
        "registration.succeeded",
        "registration.succeeded",
        "registration.succeeded",
    ]


async def test_a_refused_webhook_is_sent_again(gateway: Rig, receiver: Receiver) -> None:
    receiver.statuses[:] = [500]

    await gateway.card()
    await receiver.wait_for(2)
    await gateway.control("webhooks/flush")

    assert receiver.bodies[0] == receiver.bodies[1]
    (event,) = (await gateway.truth())["webhooks"]
    assert [one["status"] for one in event["tries"]] == [500, 200]


async def test_a_dead_receiver_breaks_no_answer_and_its_tries_are_recorded(gateway: Rig) -> None:
    await gateway.control("config", {"webhook_url": "http://127.0.0.1:9/hook"})

    answer = await gateway.charge(await gateway.card())
    await gateway.control("webhooks/flush")

    assert answer.status == 200
    tries = [event["tries"][0] for event in (await gateway.truth())["webhooks"]]
    assert {one["status"] for one in tries} == {None}
    assert all(one["error"] for one in tries)


async def test_duplicates_carry_the_same_event(gateway: Rig, receiver: Receiver) -> None:
    await gateway.control("webhooks", {"duplicate": 2})

    await gateway.card()
    await receiver.wait_for(3)

    assert len(set(receiver.bodies)) == 1


async def test_held_webhooks_wait_for_a_flush(gateway: Rig, receiver: Receiver) -> None:
    await gateway.control("webhooks", {"enabled": False})
    await gateway.charge(await gateway.card())
    await asyncio.sleep(0.05)
    held = len(receiver.bodies)

    flushed = await gateway.control("webhooks/flush")

    assert held == 0
    assert flushed == {"tried": 2, "waiting": 0}
    assert len(receiver.bodies) == 2


async def test_shuffled_webhooks_come_in_another_order(gateway: Rig, receiver: Receiver) -> None:
    await gateway.control("webhooks", {"enabled": False, "shuffle": True})
    for number in range(30):
        await gateway.charge(await gateway.card(), reference=f"O-{number}")

    await gateway.control("webhooks/flush")

    made = [event["id"] for event in (await gateway.truth())["webhooks"]]
    came = [event["id"] for event in receiver.events()]
    assert sorted(came) == sorted(made)
    assert came != made


async def test_a_corrupt_signature_looks_right_and_is_wrong(gateway: Rig, receiver: Receiver) -> None:
    await gateway.control("webhooks", {"corrupt_signature": True})

    await gateway.card()
    await receiver.wait_for(1)

    assert len(receiver.signatures[0]) == len("t=1791774000,v1=") + 64
    assert not receiver.is_signed(0)


async def test_webhooks_without_an_address_wait_for_one(gateway: Rig) -> None:
    await gateway.card()

    (event,) = (await gateway.truth())["webhooks"]

    assert (event["type"], event["tries"]) == ("registration.succeeded", [])
