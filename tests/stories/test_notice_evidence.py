"""Every word of a provider that moves a notice is kept with the provider's own name of the call (channels.md, 15)."""

import re

import pytest

from app.cli_history import step_line
from backend.store.engine import transaction
from backend.store.history import steps_of
from tests.kit.customer import Customer, linked_customer
from tests.kit.scripted_line import LOST, refusal, script_line
from tests.kit.world import World

USER = "U" + "3" * 32
TWILIOS = re.compile("RQ[0-9a-f]{32}")
KEPT = "SELECT word, attempt, state_after, provider_request_id, reason FROM notice_evidence ORDER BY id"


@pytest.fixture
async def by_sms(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def order_lines(world: World) -> list[str]:
    """What `tsukibarai history` says of the notices of the only order, without times and numbers of evidence."""
    [(order_number,)] = await world.rows("SELECT order_number FROM payment_request")
    async with transaction(world.parts.services.engine) as connection:
        steps = await steps_of(connection, order_number=order_number)
    return [step_line(each).split("  ", 1)[1] for each in steps if each.entity == "notice"]


async def test_each_answer_of_line_is_kept_with_its_request_id(world: World) -> None:
    await linked_customer(world, line_user=USER)
    script_line(world, "/message/push", refusal(429, "busy", x_line_request_id="first"), LOST)

    for moment in ("10:00:00", "10:00:30", "10:02:00"):
        await world.go_to(f"2026-11-10T{moment}")

    [push] = (await world.truth(world.settings.line_api_base))["pushes"]
    assert await world.rows(KEPT) == [
        ("answer", 1, "queued", "first", "busy"),
        ("answer", 2, "queued", None, "ServerDisconnectedError"),
        ("answer", 3, "sent", push["request_id"], None),  # a 409 that names the request which took the message
    ]


async def test_a_look_up_of_an_sms_is_kept_beside_the_answer_that_said_nothing(world: World, by_sms: Customer) -> None:
    twilio = world.settings.twilio_api_base
    await world.control(twilio, "callbacks", {"enabled": False})
    rule = {"path": "*/Messages.json", "method": "POST", "kind": "500_after", "times": 1}
    await world.control(twilio, "faults", {"rules": [rule]})

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-10T10:02")

    (told, found) = await world.rows(KEPT)
    assert len(await by_sms.urls()) == 1
    assert (*told[:3], told[4]) == ("answer", 1, "unknown", "status 500")
    assert (*found[:3], found[4]) == ("look_up", 1, "delivered", None)
    assert TWILIOS.fullmatch(told[3])
    assert TWILIOS.fullmatch(found[3])
    assert told[3] != found[3]


async def test_a_receipt_is_kept_with_the_callbacks_own_name_and_history_shows_it(
    world: World, by_sms: Customer
) -> None:
    await world.go_to("2026-11-10T10:00")
    await world.rest()

    truth = await world.truth(world.settings.twilio_api_base)
    [token] = [each["token"] for each in truth["callbacks"] if each["message_status"] == "delivered"]
    answer, receipt = await world.rows(KEPT)
    assert len(await by_sms.urls()) == 1
    assert receipt == ("receipt", 1, "delivered", token, None)
    assert [line.split(" evidence ")[0].strip() for line in await order_lines(world)] == [
        "notice payment_link by sms  sending -> sent",
        "notice payment_link by sms  sent -> delivered",
    ]
    assert (await order_lines(world))[0].endswith(f"(answer, request {answer[3]})")
