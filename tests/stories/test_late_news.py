"""News that waits: worded for the day it leaves, sent to whom and where it is wanted by then, or not at all."""

from dataclasses import replace

import pytest

from app.tick import tick
from backend.usecases import verify_identity
from backend.usecases.request_card_change import request_card_change
from tests.kit.clock import jst
from tests.kit.customer import Customer
from tests.kit.world import World

USER = "U" + "3" * 32
NOTICES = "SELECT channel, state, failure FROM notice WHERE kind <> 'reply' ORDER BY id"
TASKS = "SELECT kind FROM staff_task"


@pytest.fixture
async def customer(world: World) -> Customer:
    """Reached by SMS only, one URL due on the 10th."""
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


@pytest.fixture
async def on_line(customer: Customer) -> Customer:
    customer.line_user = USER
    await customer.link_line()
    return customer


def as_sms(customer: Customer) -> Customer:
    return replace(customer, line_user=None)


async def break_once(world: World, kind: str) -> None:
    rule = {"path": "*/Messages.json", "method": "POST", "kind": kind, "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [rule]})


async def hold_line(world: World) -> None:
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 0})


async def release_line(world: World) -> None:
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": None})


async def test_who_stops_sms_while_a_notice_waits_does_not_get_it(world: World) -> None:
    late = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.go_to("2026-11-12T20:00")
    await world.import_bills(late.bill("2026-11", 8432, confirmed="2026-11-12"))
    await late.say("停止")

    await world.go_to("2026-11-13T10:00")
    await world.rest()

    assert await late.urls() == []
    assert await world.rows(NOTICES) == [("sms", "failed", "stopped")]
    assert await world.rows(TASKS) == [("unreachable",)]


async def test_who_stops_line_while_a_notice_waits_gets_it_by_sms(world: World, on_line: Customer) -> None:
    await hold_line(world)
    await world.go_to("2026-11-10T10:00")
    await on_line.say("停止")
    await release_line(world)

    await world.go_to("2026-11-10T11:00")
    await world.rest()

    assert (await on_line.urls(), len(await as_sms(on_line).urls())) == ([], 1)
    assert await world.rows(NOTICES) == [("line", "failed", "stopped"), ("sms", "delivered", None)]


async def test_a_push_that_may_have_arrived_before_the_stop_is_not_brought_again(
    world: World, on_line: Customer
) -> None:
    rule = {"path": "/v2/bot/message/push", "method": "POST", "kind": "500_before"}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})
    await world.go_to("2026-11-10T10:00")
    await on_line.say("停止")
    await world.control(world.settings.line_api_base, "faults", {})

    await world.go_to("2026-11-10T11:00")

    assert (await on_line.urls(), await as_sms(on_line).urls()) == ([], [])
    assert [state for _, state, _ in await world.rows(NOTICES)] == ["needs_human"]
    assert await world.rows(TASKS) == [("notice_unclear",)]


async def test_who_wants_no_sms_is_told_of_an_application_by_people(world: World, customer: Customer) -> None:
    await customer.say("停止")
    before = len(await customer.inbox())
    [(account_id,)] = await world.rows("SELECT id FROM account")

    await request_card_change(world.parts.services, account_id=account_id, now=world.parts.services.clock.now())
    await world.rest()

    assert (await customer.inbox())[before:] == []
    assert await world.rows("SELECT kind, account_id, detail->>'kind' FROM staff_task") == [
        ("unreachable", account_id, "card_change_received")
    ]


async def test_a_code_that_was_just_asked_for_comes_although_notices_are_stopped(
    world: World, customer: Customer
) -> None:
    await customer.say("停止")

    await customer.apply_for_card_change()

    assert await world.rows("SELECT state FROM card_change_request") == [("received",)]


async def test_a_code_that_opens_nothing_any_more_is_not_sent(world: World, customer: Customer) -> None:
    await break_once(world, "drop_before")
    now = jst("2026-11-02T22:00")
    await world.set_clock(now)
    await verify_identity.start(
        world.parts.services,
        purpose=verify_identity.Purpose.CARD_CHANGE,
        customer_number=customer.number,
        phone=customer.e164,
        now=now,
    )

    for moment in ("22:00", "22:02", "22:20", "22:30"):
        await world.go_to(f"2026-11-02T{moment}")

    assert await customer.inbox() == []
    assert await world.rows(NOTICES) == [("sms", "failed", "code_expired")]


@pytest.mark.parametrize(("kind", "moments"), [("429", ()), ("drop_before", ("18:57", "18:58", "19:30"))])
async def test_f61_a_number_corrected_before_the_next_try_gets_the_url_and_the_old_one_does_not(
    world: World, kind: str, moments: tuple[str, ...]
) -> None:
    old = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    new = replace(old, phone="09087654321")
    await break_once(world, kind)
    await world.go_to("2026-11-12T18:56")
    await world.import_bills(old.bill("2026-11", 8432, confirmed="2026-11-12"))
    await tick(world.parts)
    for moment in moments[:-1]:
        await world.go_to(f"2026-11-12T{moment}")
    await world.import_bills(new.bill("2026-12", 9120, confirmed="2026-12-08"))
    for moment in moments[-1:]:
        await world.go_to(f"2026-11-12T{moment}")

    await world.go_to("2026-11-13T10:00")
    await world.rest()

    assert (await old.urls(), len(await new.urls())) == ([], 1)


async def test_a_reminder_that_leaves_the_next_morning_counts_the_days_of_that_morning(
    world: World, on_line: Customer
) -> None:
    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-15T10:00")
    before = len(await on_line.inbox())
    await world.go_to("2026-11-18T20:00")  # nobody was there at ten

    await world.go_to("2026-11-19T10:00")

    assert "あと1日" in "".join((await on_line.inbox())[before:])


async def test_a_reminder_that_a_quota_held_counts_the_days_of_the_day_it_leaves(
    world: World, on_line: Customer
) -> None:
    await world.go_to("2026-11-10T10:00")
    before = len(await on_line.inbox())
    await hold_line(world)
    await world.go_to("2026-11-15T10:00")
    await release_line(world)

    await world.go_to("2026-11-16T10:30")

    assert "あと4日" in "".join((await on_line.inbox())[before:])


async def test_after_a_week_without_line_the_url_comes_once_and_no_reminder_with_it(
    world: World, on_line: Customer
) -> None:
    await hold_line(world)
    for day in ("10T10:00", "15T10:00", "18T10:00"):
        await world.go_to(f"2026-11-{day}")
    await release_line(world)

    await world.go_to("2026-11-18T11:00")

    assert len(await on_line.urls()) == 1
