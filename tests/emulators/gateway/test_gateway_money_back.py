"""Refunds, disputes and payouts of the gateway, as its contract tells them (docs/sandbox-gateway.md)."""

from typing import Any

from gateway_rig import Receiver, Rig


async def charged(gateway: Rig, *, amount: int = 8420, attempt: str = "A-1") -> dict[str, Any]:
    answer = await gateway.charge(await gateway.card(), amount=amount, metadata={"attempt_id": attempt})
    assert answer.status == 200
    return await answer.json()


async def refund(gateway: Rig, charge: str, amount: int, *, refund_id: str = "R-1") -> tuple[int, dict[str, Any]]:
    body = {"charge": charge, "amount": amount, "metadata": {"refund_id": refund_id}}
    answer = await gateway.post("/v1/refunds", body)
    return answer.status, await answer.json()


async def listed(gateway: Rig, path: str) -> list[dict[str, Any]]:
    """Every row of a list, two a page."""
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await (await gateway.get(f"{path}{'&' if '?' in path else '?'}limit=2{after}")).json()
        rows += page["data"]
        if not page["has_more"]:
            return rows
        after = f"&starting_after={rows[-1]['id']}"


async def test_a_refund_is_found_by_its_id_and_in_the_list_of_its_charge(gateway: Rig) -> None:
    one, other = await charged(gateway), await charged(gateway)
    made = [(await refund(gateway, one["id"], 100))[1]["id"] for _ in range(3)]
    await refund(gateway, other["id"], 100)

    found = await (await gateway.get(f"/v1/refunds/{made[0]}")).json()

    assert (found["charge"], found["attempt_id"]) == (one["id"], "A-1")
    assert [row["id"] for row in await listed(gateway, f"/v1/refunds?charge={one['id']}")] == made[::-1]
    assert (await gateway.get("/v1/refunds/re_none")).status == 404


async def test_a_young_refund_is_not_listed_yet(gateway: Rig) -> None:
    charge = await charged(gateway)
    await gateway.control("faults", {"list_lag_seconds": 3})
    await refund(gateway, charge["id"], 100)
    young = await listed(gateway, "/v1/refunds")

    gateway.clock.advance(seconds=4)

    assert young == []
    assert len(await listed(gateway, "/v1/refunds")) == 1


async def test_no_more_goes_back_than_was_taken_and_not_after_half_a_year(gateway: Rig) -> None:
    charge = await charged(gateway)
    await refund(gateway, charge["id"], 8000)

    too_much = await refund(gateway, charge["id"], 421)
    gateway.clock.advance(days=180)
    too_late = await refund(gateway, charge["id"], 420)

    assert (too_much[0], too_much[1]["error"]["code"]) == (400, "refund_too_large")
    assert (too_late[0], too_late[1]["error"]["code"]) == (400, "refund_too_late")


async def test_a_dispute_takes_money_and_blocks_refunds_until_it_is_won(gateway: Rig) -> None:
    charge = await charged(gateway)
    dispute = await gateway.control(f"charges/{charge['id']}/dispute", {"amount": 8000})
    blocked = await refund(gateway, charge["id"], 100)
    await gateway.control(f"disputes/{dispute['id']}/close", {"status": "won"})

    allowed = await refund(gateway, charge["id"], 8420)

    assert blocked[1]["error"]["code"] == "charge_disputed"
    assert allowed[0] == 200
    lines = await listed(gateway, "/v1/transactions")
    assert [(line["type"], line["status"], line["amount"]) for line in lines] == [
        ("charge", "succeeded", 8420),
        ("dispute", "open", 8000),
        ("dispute", "won", 8000),
        ("refund", "succeeded", 8420),
    ]


async def test_a_lost_dispute_keeps_its_part_for_good(gateway: Rig) -> None:
    charge = await charged(gateway)
    dispute = await gateway.control(f"charges/{charge['id']}/dispute", {"amount": 8000})
    lost = await gateway.control(f"disputes/{dispute['id']}/close", {"status": "lost"})

    status, _ = await refund(gateway, charge["id"], 421)

    assert status == 400
    assert lost["closed_at"] is not None
    assert (await gateway.get(f"/v1/disputes/{dispute['id']}")).status == 200
    assert len(await listed(gateway, "/v1/transactions")) == 2


async def test_lines_name_what_moved_the_money_and_whose_it_is(gateway: Rig) -> None:
    charge = await charged(gateway)
    _, made = await refund(gateway, charge["id"], 100, refund_id="R-7")

    first, second = await listed(gateway, "/v1/transactions")

    assert (first["source"], first["charge"], first["refund_id"]) == (charge["id"], charge["id"], None)
    assert (second["source"], second["charge"]) == (made["id"], charge["id"])
    assert (second["attempt_id"], second["refund_id"]) == ("A-1", "R-7")


async def test_books_close_twice_a_month_and_are_listed_at_midnight(gateway: Rig) -> None:
    charge = await charged(gateway)  # 12 October, noon in Tokyo
    await refund(gateway, charge["id"], 420)
    gateway.clock.advance(days=3, hours=11, minutes=59)
    open_books = await listed(gateway, "/v1/settlements")
    gateway.clock.advance(minutes=1)
    await charged(gateway)

    paid_out = await listed(gateway, "/v1/settlements")

    assert open_books == []
    assert [(line["type"], line["amount"], line["fee"]) for line in paid_out] == [
        ("charge", 8420, 273),
        ("refund", 420, 0),
    ]
    assert {(line["settlement"], line["settled_on"]) for line in paid_out} == {("st_20261015", "2026-10-15")}
    assert paid_out[0]["transaction"] == (await listed(gateway, "/v1/transactions"))[0]["id"]


async def test_the_second_half_closes_with_the_month(gateway: Rig) -> None:
    gateway.clock.advance(days=10)
    await charged(gateway)

    gateway.clock.advance(days=10)

    assert [line["settled_on"] for line in await listed(gateway, "/v1/settlements")] == ["2026-10-31"]


async def test_settlements_are_chosen_by_when_they_were_paid_out_and_paged(gateway: Rig) -> None:
    for _ in range(5):
        await charged(gateway)
    gateway.clock.advance(days=10)
    now = int(gateway.clock.now.timestamp())

    assert len(await listed(gateway, "/v1/settlements")) == 5
    assert await listed(gateway, f"/v1/settlements?since={now}") == []
    assert (await gateway.get("/v1/settlements?starting_after=stl_none")).status == 400


async def test_f32_what_people_do_at_the_console_is_told_by_webhooks_like_the_rest(
    gateway: Rig, receiver: Receiver
) -> None:
    charge = await charged(gateway)
    await gateway.control("webhooks/flush")
    already = len(receiver.bodies)

    made = await gateway.control(f"charges/{charge['id']}/refund", {"amount": 400})
    dispute = await gateway.control(f"charges/{charge['id']}/dispute", {})
    await gateway.control(f"disputes/{dispute['id']}/close", {"status": "lost"})
    await receiver.wait_for(already + 3)

    told = receiver.events()[already:]
    assert sorted(event["type"] for event in told) == ["dispute.lost", "dispute.opened", "refund.succeeded"]
    assert {event["data"]["object"]["id"] for event in told} == {made["id"], dispute["id"]}
    assert made["metadata"] == {}
    assert dispute["amount"] == 8020
    truth = await gateway.truth()
    assert [len(truth[part]) for part in ("refunds", "disputes", "settlements")] == [1, 1, 0]
