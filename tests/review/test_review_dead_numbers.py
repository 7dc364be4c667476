"""Numbers that can never get an SMS: learnt once, not tried again; the next channel or people (f53, f61)."""

import pytest
from sqlalchemy import text

from tests.kit.customer import Customer
from tests.kit.world import World

STOPS = "SELECT channel, address, source FROM contact_stop"


@pytest.fixture
async def customer(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def _number(world: World, customer: Customer, behaviour: dict[str, object]) -> None:
    if behaviour:
        await world.control(world.settings.twilio_api_base, f"numbers/{customer.e164.replace('+', '%2B')}", behaviour)
        return
    # Opted out at the carrier; our own memory of it is lost.
    await world.control(world.settings.twilio_api_base, "inbound", {"from": customer.e164, "body": "STOP"})
    await world.rest()
    async with world.parts.services.engine.begin() as connection:
        await connection.execute(text("DELETE FROM contact_stop"))


async def _sms_tried(world: World) -> int:
    """Messages that we asked Twilio to create, taken or not."""
    query = "SELECT coalesce(sum(attempts), 0) FROM notice WHERE channel = 'sms' AND kind <> 'reply'"
    return int((await world.rows(query))[0][0])


@pytest.mark.parametrize(
    ("behaviour", "source"),
    [
        ({}, "carrier"),
        ({"behaviour": "landline", "error_code": 21614}, "not_mobile"),
        ({"behaviour": "landline", "error_code": 21635}, "not_mobile"),
        ({"behaviour": "undelivered", "error_code": 30006}, "not_mobile"),
    ],
)
async def test_f53_a_number_that_can_never_get_an_sms_is_not_tried_again(
    world: World, customer: Customer, behaviour: dict[str, object], source: str
) -> None:
    await _number(world, customer, behaviour)
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    first = await _sms_tried(world)

    await world.go_to("2026-11-15T10:00")
    await world.rest()

    assert await world.rows(STOPS) == [("sms", customer.e164, source)]
    assert (first, await _sms_tried(world)) == (1, 1)
    tasks = await world.rows("SELECT kind, count(*) FROM staff_task GROUP BY kind")
    assert tasks == [("unreachable", 2)]  # the URL and the reminder


async def test_f53_who_has_line_is_told_by_line_although_the_number_is_dead(world: World, customer: Customer) -> None:
    await _number(world, customer, {})
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    customer.line_user = "U" + "4" * 32
    await customer.link_line()

    await world.go_to("2026-11-15T10:00")

    assert len(await customer.urls()) == 1


async def test_f53_an_sms_that_cannot_be_brought_once_is_tried_the_next_month(world: World, customer: Customer) -> None:
    await _number(world, customer, {"behaviour": "undelivered", "error_code": 30003})
    await world.go_to("2026-11-10T10:00")
    await world.rest()

    assert await world.rows(STOPS) == []
