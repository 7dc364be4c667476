"""A reminder job that is repeated the same day reminds nobody again by the other channel (I3)."""

from dataclasses import replace
from datetime import date

import pytest

from backend.usecases.send_reminders import send_reminders
from scheduler.worker import drain
from tests.kit.clock import jst
from tests.kit.customer import Customer
from tests.kit.world import World

USER = "U" + "6" * 32
REMINDERS = "SELECT channel FROM notice WHERE kind = 'reminder' ORDER BY id"
TASKS = "SELECT kind FROM staff_task"


@pytest.fixture
async def customer(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def live_until_the_reminder(world: World) -> None:
    for day in ("10", "15"):
        await world.go_to(f"2026-11-{day}T10:00")
        await world.rest()


async def remind_again(world: World) -> None:
    services = world.parts.services
    await world.go_to("2026-11-15T10:30")
    await send_reminders(services, run_on=date(2026, 11, 15), now=services.clock.now())
    await world.rest()


async def test_who_blocks_line_after_the_reminder_is_not_reminded_by_sms(world: World, customer: Customer) -> None:
    on_line = replace(customer, line_user=USER)
    await on_line.link_line()
    await live_until_the_reminder(world)
    await world.control(world.settings.line_api_base, f"users/{USER}/block", {})
    await world.rest()

    await remind_again(world)

    assert await world.rows("SELECT is_blocked FROM line_user") == [(True,)]
    assert await world.rows(REMINDERS) == [("line",)]
    assert await customer.inbox() == []


async def test_who_links_line_after_the_reminder_is_not_reminded_there(world: World, customer: Customer) -> None:
    await live_until_the_reminder(world)
    on_line = replace(customer, line_user=USER)
    await on_line.link_line()

    await remind_again(world)

    assert await world.rows(REMINDERS) == [("sms",)]
    assert await on_line.inbox() == []


async def test_who_can_be_reached_no_more_after_the_reminder_is_nobodys_task(world: World, customer: Customer) -> None:
    await live_until_the_reminder(world)
    await customer.say("停止")

    await remind_again(world)

    assert await world.rows(REMINDERS) == [("sms",)]
    assert await world.rows(TASKS) == []


async def test_a_reminder_that_a_block_keeps_from_line_still_goes_by_sms(world: World, customer: Customer) -> None:
    on_line = replace(customer, line_user=USER)
    await on_line.link_line()
    await world.go_to("2026-11-10T10:00")
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-15T10:00")
    await world.control(world.settings.line_api_base, f"users/{USER}/block", {})
    await world.rest()

    await remind_again(world)

    assert await world.rows(REMINDERS) == [("line",), ("sms",)]
    assert len(await customer.inbox()) == 1


async def lose_the_first_reminder(world: World) -> None:
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    lost = {"path": "*/Messages.json", "method": "POST", "kind": "drop_before", "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [lost]})
    await world.go_to("2026-11-15T10:00")


@pytest.mark.parametrize("known_at", ["2026-11-18T09:58", "2026-11-18T10:00"])
async def test_a_reminder_that_was_never_sent_is_not_made_up_for_beside_the_next_one(
    world: World, customer: Customer, known_at: str
) -> None:
    await lose_the_first_reminder(world)
    in_doubt = await world.rows("SELECT state FROM notice WHERE kind = 'reminder'")

    await world.go_to(known_at)
    await world.go_to("2026-11-18T10:00")
    await world.rest()

    assert in_doubt == [("unknown",)]
    assert len(await customer.inbox()) == 2  # the URL and one reminder
    assert await world.rows("SELECT state, failure FROM notice WHERE kind = 'reminder' ORDER BY id") == [
        ("failed", "newer_reminder"),
        ("delivered", None),
    ]


async def test_a_late_reminder_that_leaves_just_before_the_next_one_is_the_only_one_of_the_day(
    world: World, customer: Customer
) -> None:
    await lose_the_first_reminder(world)

    await world.set_clock(jst("2026-11-18T10:00"))
    await drain(world.parts.due_steps(), clock=world.parts.services.clock)  # the worker is there before the scheduler
    await world.go_to("2026-11-18T10:00")
    await world.rest()

    assert len(await customer.inbox()) == 2  # the URL and one reminder
    assert await world.rows("SELECT state, failure FROM notice WHERE kind = 'reminder' ORDER BY id") == [
        ("delivered", None),
        ("failed", "reminded_today"),
    ]
