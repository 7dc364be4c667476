"""A URL by SMS that no carrier confirms: nobody's task, until it has expired without having been opened (f53)."""

import pytest

from tests.kit.customer import Customer
from tests.kit.world import World

TASKS = "SELECT kind, detail->>'failure', account_id IS NOT NULL, done_at IS NULL FROM staff_task"
NOT_OPENED = [("unreachable", "not_opened", True, True)]


@pytest.fixture
async def customer(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(
        customer.bill("2026-11", 8432, confirmed="2026-11-08"), customer.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    return customer


async def receipts(world: World, customer: Customer, *, come: bool) -> None:
    number = f"numbers/{customer.e164.replace('+', '%2B')}"
    behaviour = "deliver" if come else "no_receipt"
    await world.control(world.settings.twilio_api_base, number, {"behaviour": behaviour})


async def live(world: World, *days: str) -> None:
    for day in days:
        await world.go_to(f"2026-{day}")
        await world.rest()


async def test_f53_a_url_by_sms_that_was_never_confirmed_nor_opened_is_one_for_people_when_it_expires(
    world: World, customer: Customer
) -> None:
    await receipts(world, customer, come=False)

    await live(world, "11-10T10:00", "11-15T10:00", "11-18T10:00", "11-20T10:00")
    before = await world.rows(TASKS)
    await live(world, "11-21T00:00")

    assert before == []
    assert await world.rows(TASKS) == NOT_OPENED


async def test_f53_the_next_month_that_nobody_opens_adds_no_second_task(world: World, customer: Customer) -> None:
    await receipts(world, customer, come=False)
    await live(world, "11-10T10:00", "11-12T10:00", "11-21T00:00")
    async with world.parts.services.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE staff_task SET done_at = now(), done_by = 'x', note = 'x'")

    await live(world, "12-10T10:00", "12-12T10:00", "12-21T00:00")

    assert await world.rows(TASKS) == NOT_OPENED


async def test_f53_a_url_that_somebody_has_used_is_nobodys_task(world: World, customer: Customer) -> None:
    await receipts(world, customer, come=False)
    await live(world, "11-10T10:00", "11-12T10:00")
    await customer.enter_card((await customer.urls())[0])

    await live(world, "11-21T00:00")

    assert await world.rows(TASKS) == []


async def test_f53_a_url_whose_reminder_was_confirmed_is_nobodys_task(world: World, customer: Customer) -> None:
    await receipts(world, customer, come=False)
    await live(world, "11-10T10:00", "11-12T10:00")
    await receipts(world, customer, come=True)

    await live(world, "11-15T10:00", "11-21T00:00")

    assert await world.rows(TASKS) == []
