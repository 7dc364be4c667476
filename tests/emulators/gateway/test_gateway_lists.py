from gateway_rig import Rig


async def made(gateway: Rig, card: dict[str, str], **changes: object) -> str:
    answer = await (await gateway.charge(card, **changes)).json()
    return answer["id"] if "id" in answer else answer["error"]["charge"]


async def test_charges_are_listed_newest_first_with_declined_ones(gateway: Rig) -> None:
    good, bad = await gateway.card(), await gateway.card("4000000000009995")

    first, second = await made(gateway, good), await made(gateway, bad)

    assert await gateway.listed() == [second, first]


async def test_a_list_is_filtered_by_customer_and_by_reference(gateway: Rig) -> None:
    one, other = await gateway.card(), await gateway.card()
    wanted = await made(gateway, one, reference="O-7")
    await made(gateway, one, reference="O-8")
    elsewhere = await made(gateway, other, reference="O-7")

    assert await gateway.listed("reference=O-7") == [elsewhere, wanted]
    assert await gateway.listed(f"customer={one['customer']}&reference=O-7") == [wanted]
    assert await gateway.listed("customer=cus_none") == []


async def test_pages_follow_each_other_without_gap_or_repeat(gateway: Rig) -> None:
    card = await gateway.card()
    ids = [await made(gateway, card) for _ in range(5)]
    path = f"/v1/charges?customer={card['customer']}&limit=2"

    first = await (await gateway.get(path)).json()
    second = await (await gateway.get(f"{path}&starting_after={first['data'][-1]['id']}")).json()
    third = await (await gateway.get(f"{path}&starting_after={second['data'][-1]['id']}")).json()

    pages = first["data"] + second["data"] + third["data"]
    assert [charge["id"] for charge in pages] == ids[::-1]
    assert [first["has_more"], second["has_more"], third["has_more"]] == [True, True, False]


async def test_a_wrong_list_parameter_is_refused(gateway: Rig) -> None:
    queries = ["limit=0", "limit=101", "limit=x", "starting_after=ch_none", "colour=red"]

    statuses = [(await gateway.get(f"/v1/charges?{query}")).status for query in queries]

    assert statuses == [400] * 5


async def test_a_lagging_list_hides_young_charges_but_not_fetching_them(gateway: Rig) -> None:
    await gateway.control("faults", {"list_lag_seconds": 30})
    charge = await made(gateway, await gateway.card())

    young = await gateway.listed()
    gateway.clock.advance(seconds=31)
    grown = await gateway.listed()

    assert (young, grown) == ([], [charge])
    assert (await gateway.fetch_charge(charge))["status"] == "succeeded"


async def test_transactions_tell_every_movement_oldest_first(gateway: Rig) -> None:
    charge = await made(gateway, await gateway.card())
    gateway.clock.advance(hours=1)
    await gateway.post("/v1/refunds", {"charge": charge, "amount": 20})

    lines = (await (await gateway.get("/v1/transactions")).json())["data"]

    told = [(line["type"], line["amount"], line["attempt_id"]) for line in lines]
    assert told == [("charge", 8420, "A-1"), ("refund", 20, "A-1")]


async def test_transactions_are_bounded_by_since_and_until(gateway: Rig) -> None:
    card = await gateway.card()
    await made(gateway, card)
    gateway.clock.advance(hours=1)
    middle = await made(gateway, card)
    since = int(gateway.clock.now.timestamp())
    gateway.clock.advance(hours=1)
    await made(gateway, card)

    path = f"/v1/transactions?since={since}&until={since + 3600}"
    answer = await (await gateway.get(path)).json()

    assert [line["charge"] for line in answer["data"]] == [middle]
    after = f"{path}&starting_after={answer['data'][0]['id']}"
    assert (await (await gateway.get(after)).json())["data"] == []


async def test_refunds_are_bounded_by_what_was_captured(gateway: Rig) -> None:
    charge = await made(gateway, await gateway.card(), amount=100)

    part = await gateway.post("/v1/refunds", {"charge": charge, "amount": 60, "metadata": {}})
    too_large = await gateway.post("/v1/refunds", {"charge": charge, "amount": 41})
    rest = await gateway.post("/v1/refunds", {"charge": charge, "amount": 40})

    assert (part.status, too_large.status, rest.status) == (200, 400, 200)
    assert (await too_large.json())["error"]["code"] == "refund_too_large"
    assert (await gateway.fetch_charge(charge))["amount_refunded"] == 100


async def test_a_declined_charge_cannot_be_refunded(gateway: Rig) -> None:
    charge = await made(gateway, await gateway.card("4000000000009995"))

    answer = await gateway.post("/v1/refunds", {"charge": charge, "amount": 1})

    assert answer.status == 400
