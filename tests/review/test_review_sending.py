"""When a message may be sent: by a key that LINE still knows, in the send hours, after a quota that held."""

import pytest

from backend.usecases.open_payment_requests import open_payment_requests
from tests.kit.clock import jst
from tests.kit.customer import Customer, linked_customer
from tests.kit.world import World


@pytest.fixture
async def customer(world: World) -> Customer:
    return await linked_customer(world, line_user="U" + "3" * 32)


async def test_f51_a_push_that_line_took_a_day_ago_is_not_sent_again_with_a_forgotten_key(
    world: World, customer: Customer
) -> None:
    rule = {"path": "/v2/bot/message/push", "method": "POST", "kind": "500_after", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})
    await world.go_to("2026-11-10T10:00")

    await world.go_to("2026-11-11T10:30")

    assert len(await customer.urls()) == 1
    assert await world.rows("SELECT kind FROM staff_task") == [("notice_unclear",)]


async def test_r04_what_a_dead_worker_left_is_not_sent_at_night(world: World, customer: Customer) -> None:
    services = world.parts.services
    await world.set_clock(jst("2026-11-10T10:00"))
    await open_payment_requests(services, now=services.clock.now())

    await world.go_to("2026-11-11T02:00")
    at_night = await customer.urls()
    await world.go_to("2026-11-11T10:00")

    assert at_night == []
    assert len(await customer.urls()) == 1


@pytest.mark.parametrize("later", ["2026-11-11T10:00", "2026-11-13T10:30"])
async def test_f50_what_a_quota_held_is_sent_in_the_send_hours_however_long_it_was_held(
    world: World, customer: Customer, later: str
) -> None:
    line = world.settings.line_api_base
    await world.control(line, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-10T18:55")
    await world.control(line, "limits", {"monthly_quota": None})

    await world.go_to("2026-11-10T23:30")
    at_night = await customer.urls()
    await world.go_to(later)

    assert at_night == []
    assert len(await customer.urls()) == 1


async def test_f23_nobody_is_reminded_of_a_payment_whose_outcome_is_being_found_out(
    world: World, customer: Customer
) -> None:
    gateway, line = world.settings.sandbox_gateway_base, world.settings.line_api_base
    await world.go_to("2026-11-10T10:00")
    [url] = await customer.urls()
    await world.control(line, "faults", {"rules": [{"path": "/v2/bot/message/push", "kind": "500_before", "times": 1}]})
    await world.go_to("2026-11-15T10:00")
    before = await customer.inbox()
    page = await customer.enter_card(url)
    await world.control(gateway, "faults", {"rules": [{"path": "/v1/charges", "kind": "500_before"}]})
    await page.press("お支払い")

    await world.go_to("2026-11-15T10:20")
    in_doubt = await customer.inbox()
    await world.control(gateway, "faults", {"rules": []})
    await world.go_to("2026-11-15T12:00")

    assert in_doubt == before
    assert await world.succeeded() == [8432]
    assert await world.rows("SELECT state FROM notice WHERE kind = 'reminder'") == [("failed",)]
