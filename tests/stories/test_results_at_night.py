"""A completion comes at once to who waits at the page, and in the morning to who was told to wait (R04, f23)."""

import pytest

from tests.kit.customer import Customer
from tests.kit.world import World

REFUNDED = "SELECT state, attempts FROM notice WHERE kind = 'refunded'"
PAID = "SELECT state FROM notice WHERE kind = 'paid'"


@pytest.fixture
async def customer(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    return customer


async def test_r04_who_pays_late_in_the_evening_reads_so_at_once(world: World, customer: Customer) -> None:
    await world.go_to("2026-11-10T23:00")

    await customer.pay((await customer.urls())[0])
    await world.rest()

    assert await world.rows(PAID) == [("delivered",)]


async def test_r04_f23_an_outcome_that_becomes_known_at_night_is_told_in_the_morning(
    world: World, customer: Customer
) -> None:
    gateway = world.settings.sandbox_gateway_base
    await world.go_to("2026-11-10T20:00")
    away = {"path": "/v1/charges", "kind": "500_before", "times": 1000}
    await world.control(gateway, "faults", {"rules": [away]})
    await customer.pay((await customer.urls())[0])
    await world.control(gateway, "faults", {"rules": []})

    await world.go_to("2026-11-11T03:00")
    await world.rest()
    at_night = await world.rows(PAID)
    await world.go_to("2026-11-11T10:00")
    await world.rest()

    assert at_night == [("queued",)]
    assert await world.rows(PAID) == [("delivered",)]


async def test_news_of_a_refund_that_twilio_puts_off_into_the_evening_comes_in_the_morning(
    world: World, customer: Customer
) -> None:
    twilio, gateway = world.settings.twilio_api_base, world.settings.sandbox_gateway_base
    await customer.pay((await customer.urls())[0])
    await world.go_to("2026-11-10T18:59")
    busy = {"path": "*/Messages.json", "method": "POST", "kind": "429", "times": 1000}
    await world.control(twilio, "faults", {"rules": [busy]})
    [charge] = await world.charges()
    await world.control(gateway, f"charges/{charge['id']}/refund", {"amount": 432})
    await world.rest()
    await world.control(twilio, "faults", {"rules": []})

    await world.go_to("2026-11-10T19:30")
    await world.rest()
    in_the_evening = await world.rows(REFUNDED)
    await world.go_to("2026-11-11T10:00")
    await world.rest()

    assert in_the_evening == [("queued", 1)]
    assert await world.rows(REFUNDED) == [("delivered", 2)]
