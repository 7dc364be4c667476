"""Answers and codes that do not arrive: nobody is left in silence, people are told (f53)."""

import pytest

from backend.usecases import verify_identity
from tests.kit.customer import Customer, linked_customer
from tests.kit.scripted_line import refusal, script_line
from tests.kit.world import World

USER = "U" + "3" * 32
TASKS = (
    "SELECT t.kind, a.customer_number, t.detail->>'failure', c.channel FROM staff_task t"
    " LEFT JOIN account a ON a.id = t.account_id"
    " LEFT JOIN conversation c ON c.id = CAST(t.detail->>'conversation_id' AS bigint) ORDER BY t.id"
)


@pytest.fixture
async def by_sms(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def behave(world: World, customer: Customer, behaviour: str, code: int) -> None:
    number = f"numbers/{customer.e164.replace('+', '%2B')}"
    await world.control(world.settings.twilio_api_base, number, {"behaviour": behaviour, "error_code": code})


async def ask_for_code(world: World, customer: Customer) -> None:
    await verify_identity.start(
        world.parts.services,
        purpose=verify_identity.Purpose.CARD_CHANGE,
        customer_number=customer.number,
        phone=customer.e164,
        now=world.parts.services.clock.now(),
    )


@pytest.mark.parametrize(("behaviour", "code"), [("undelivered", 30003), ("failed", 30008), ("landline", 21211)])
async def test_an_answer_by_sms_that_does_not_arrive_is_one_for_people(
    world: World, by_sms: Customer, behaviour: str, code: int
) -> None:
    await behave(world, by_sms, behaviour, code)

    await by_sms.say("メニュー")

    assert await world.rows("SELECT state FROM notice") == [("failed",)]
    assert await world.rows(TASKS) == [("unreachable", by_sms.number, str(code), "sms")]


async def test_an_answer_that_line_refuses_for_what_it_says_is_one_for_people(world: World) -> None:
    customer = await linked_customer(world, line_user=USER)
    script_line(world, "/message/reply", refusal(400, "The request body has 1 error(s)"))

    await customer.say("メニュー")

    assert await world.rows(TASKS) == [("unreachable", customer.number, "400 The request body has 1 error(s)", "line")]


async def test_an_answer_to_who_told_the_carrier_stop_is_nobodys_task(world: World, by_sms: Customer) -> None:
    await by_sms.say("STOP")

    assert await world.rows("SELECT state, failure FROM notice") == [("failed", "21610")]
    assert await world.rows("SELECT address FROM contact_stop") == [(by_sms.e164,)]
    assert await world.rows(TASKS) == []


async def test_a_code_that_does_not_arrive_is_one_for_people(world: World, by_sms: Customer) -> None:
    await behave(world, by_sms, "undelivered", 30003)

    await ask_for_code(world, by_sms)
    await world.rest()

    assert await world.rows(TASKS) == [("unreachable", by_sms.number, "30003", None)]


async def test_of_two_codes_that_do_not_arrive_people_hear_of_the_newer(world: World, by_sms: Customer) -> None:
    await behave(world, by_sms, "undelivered", 30003)

    await ask_for_code(world, by_sms)
    await ask_for_code(world, by_sms)
    await world.rest()

    assert await world.rows("SELECT CAST(detail->>'notice_id' AS bigint) FROM staff_task") == await world.rows(
        "SELECT max(id) FROM notice"
    )
