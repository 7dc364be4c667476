"""What waits when LINE's quota is too small or a provider refuses us: nothing is lost, and people are told (f50)."""

import pytest

from bot.quota_watch import send_by_sms_instead
from tests.kit.customer import Customer, linked_customer
from tests.kit.world import World

USER = "U" + "8" * 32


@pytest.fixture
async def on_line(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


async def open_tasks(world: World) -> list[tuple[str, ...]]:
    return [tuple(row) for row in await world.rows("SELECT kind FROM staff_task WHERE done_at IS NULL")]


@pytest.mark.usefixtures("on_line")
async def test_f50_a_quota_that_will_not_suffice_is_told_before_the_month_goes_out(world: World) -> None:
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 0})

    await world.go_to("2026-11-09T09:00")

    assert await world.rows("SELECT kind, detail FROM staff_task") == [("line_quota_short", {"needed": 1, "left": 0})]
    assert await world.rows("SELECT id FROM notice") == []


@pytest.mark.usefixtures("on_line")
async def test_f50_when_the_plan_is_enlarged_the_matter_leaves_the_list(world: World) -> None:
    line = world.settings.line_api_base
    await world.control(line, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-09T09:00")
    await world.control(line, "limits", {"monthly_quota": 10})

    await world.go_to("2026-11-09T10:01")

    assert await open_tasks(world) == []


async def test_f50_what_the_quota_holds_goes_by_sms_once_when_people_say_so(world: World, on_line: Customer) -> None:
    line = world.settings.line_api_base
    await world.control(line, "limits", {"monthly_quota": 0})
    now = await world.go_to("2026-11-10T10:00")

    services = world.parts.services
    moved = [await send_by_sms_instead(services, by="Sato", note="plan too small", now=now) for _ in range(2)]
    await world.control(line, "limits", {"monthly_quota": None})
    await world.go_to("2026-11-10T10:20")
    await world.rest()

    assert moved == [1, 0]
    assert len(await on_line.sms_urls()) == 1
    assert await on_line.urls() == []
    assert await open_tasks(world) == []


async def test_a_token_that_line_refuses_lets_the_month_wait_and_calls_people(world: World, on_line: Customer) -> None:
    rule = {"path": "/v2/bot/message/push", "method": "POST", "kind": "401", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})

    await world.go_to("2026-11-10T10:00")
    waiting = await world.rows("SELECT channel, state FROM notice")
    told = await open_tasks(world)
    await world.go_to("2026-11-10T10:10")
    await world.rest()

    assert waiting == [("line", "queued")]
    assert told == [("channel_refused",)]
    assert len(await on_line.urls()) == 1
    assert await on_line.sms_urls() == []


async def test_an_sms_account_that_is_refused_lets_the_month_wait_and_calls_people(
    world: World, on_line: Customer
) -> None:
    await world.control(world.settings.line_api_base, "reset", {})
    rule = {"path": "*/Messages.json", "method": "POST", "kind": "401", "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [rule]})

    await world.go_to("2026-11-10T10:00")
    waiting = await world.rows("SELECT channel, state FROM notice WHERE channel = 'sms'")
    told = await open_tasks(world)
    await world.go_to("2026-11-10T10:10")
    await world.rest()

    assert waiting == [("sms", "queued")]
    assert told == [("channel_refused",)]
    assert len(await on_line.sms_urls()) == 1
