"""CLOCK=shiftable is all that time travel needs: providers that stay in their own time are understood."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.compose import open_parts
from app.tick import tick
from backend.domain.billing_calendar import JST
from backend.usecases.reconcile import reconcile
from backend.usecases.restore_gate import check_gate
from tests.kit.clock import jst
from tests.kit.customer import Customer
from tests.kit.databases import cloned_database
from tests.kit.world import World


@pytest.fixture
async def customer(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(
        customer.bill("2026-11", 8432, confirmed="2026-11-08"), customer.bill("2026-12", 9100, confirmed="2026-12-08")
    )
    return customer


async def leave_the_outside_behind(world: World, *, offset: timedelta) -> None:
    """From now on the providers live so far from the product's first day, and nobody moves them."""
    there = jst("2026-11-10T10:00") + offset
    seconds = (there - datetime.now(UTC)).total_seconds()  # noqa: TID251 - the providers' clocks are real ones
    for base in (world.settings.sandbox_gateway_base, world.settings.line_api_base, world.settings.twilio_api_base):
        await world.control(base, "clock", {"offset_seconds": seconds})


async def go_alone(world: World, at: str) -> None:
    await world.set_clock(jst(at))
    await tick(world.parts)
    await world.rest()


@pytest.mark.parametrize("days", [-90, 0, 90])
async def test_two_months_are_paid_and_found_in_the_books_of_a_gateway_in_another_time(
    world: World, customer: Customer, days: int
) -> None:
    await leave_the_outside_behind(world, offset=timedelta(days=days))

    await go_alone(world, "2026-11-10T10:00")
    [url] = await customer.urls()
    await customer.pay(url)
    for day in ("2026-11-11", "2026-11-21", "2026-12-10", "2026-12-11", "2027-01-20"):
        await go_alone(world, f"{day}T10:00")
    report = await reconcile(world.parts.services, now=world.parts.services.clock.now())

    assert await world.succeeded() == [8432, 9100]
    assert (report.listed, await world.rows("SELECT kind FROM reconciliation_exception")) == (0, [])
    assert await world.rows("SELECT kind FROM staff_task") == []


@pytest.mark.parametrize("days", [-90, 90])
async def test_a_line_that_lives_in_real_time_links_answers_and_tells_of_blocks_as_ever(
    world: World, days: int
) -> None:
    anna = Customer(world=world, number="0012345678", phone="09012345678", line_user="U" + "2" * 32)
    await world.import_bills(anna.bill("2026-01", 8432, confirmed="2026-01-08"))
    line = world.settings.line_api_base
    await world.control(line, "clock", {"offset_seconds": 0})
    await world.control(line, "users/bulk", {"userIds": [anna.line_user]})
    await world.set_clock(datetime.now(JST) + timedelta(days=days))  # noqa: TID251 - away from real time

    await anna.link_account_from(await anna.say("今月の金額"))
    amount = await anna.say("今月の金額")
    await world.control(line, f"users/{anna.line_user}/block", {})
    await world.rest()

    behind = await world.rows("SELECT max(abs(extract(epoch FROM received_at - occurred_at))) < 600 FROM inbox_event")
    assert "8,432円" in amount
    assert behind == [(True,)]
    assert await world.rows("SELECT is_blocked FROM line_user") == [(True,)]


async def test_a_fresh_database_opens_its_month_beside_what_an_older_one_charged_at_the_same_gateway(
    world: World, customer: Customer, postgres: tuple[str, str]
) -> None:
    gateway = world.settings.sandbox_gateway_base
    await world.control(gateway, "clock", {"offset_seconds": -60})
    await go_alone(world, "2026-11-10T10:00")
    [url] = await customer.urls()
    await customer.pay(url)
    await world.control(gateway, "clock", {"offset_seconds": 0})
    async with cloned_database(*postgres) as fresh, open_parts(world.settings, url=fresh) as parts:
        newcomer = replace(world, parts=parts)
        await newcomer.set_clock(jst("2026-11-09T12:00"))
        await newcomer.import_bills(customer.bill("2026-11", 7000, confirmed="2026-11-08"))

        await go_alone(newcomer, "2026-12-10T10:00")
        await check_gate(parts.services, now=parts.services.clock.now())
        await reconcile(parts.services, now=parts.services.clock.now())

        assert await world.succeeded() == [8432]
        assert await newcomer.rows("SELECT state, amount FROM payment_request") == [("open", 7000)]
        assert await newcomer.rows("SELECT reason FROM charging_stop") == []
        assert await newcomer.rows("SELECT kind FROM reconciliation_exception") == []
        assert await newcomer.rows("SELECT kind FROM staff_task") == []
