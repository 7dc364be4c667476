"""A block that LINE never told of: the URL that nobody opens comes by SMS, once, and only to who is gone (f49)."""

import pytest

from tests.kit.customer import Customer, linked_customer
from tests.kit.world import World

USER = "U" + "7" * 32


@pytest.fixture
async def customer(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


async def block_silently(world: World) -> None:
    """LINE takes pushes with 200 and brings none; the `unfollow` gets lost."""
    line = world.settings.line_api_base
    await world.control(line, "webhooks", {"enabled": False})
    await world.control(line, f"users/{USER}/block", {})


async def test_f49_a_url_that_a_silent_block_swallowed_comes_once_by_sms(world: World, customer: Customer) -> None:
    await block_silently(world)

    for day in ("10", "12"):
        await world.go_to(f"2026-11-{day}T10:00")
    early = await customer.sms_urls()
    for day in ("13", "14"):
        await world.go_to(f"2026-11-{day}T10:00")
    await world.rest()

    assert early == []
    assert len(await customer.sms_urls()) == 1
    told = "SELECT channel, state, failure FROM notice WHERE kind = 'payment_link' ORDER BY id"
    assert await world.rows(told) == [("line", "failed", "blocked"), ("sms", "delivered", None)]


@pytest.mark.usefixtures("customer")
async def test_f49_who_is_found_to_have_blocked_us_is_reminded_by_sms(world: World) -> None:
    await block_silently(world)

    for day in ("10", "13", "15"):
        await world.go_to(f"2026-11-{day}T10:00")
    await world.rest()

    assert await world.rows("SELECT channel FROM notice WHERE kind = 'reminder'") == [("sms",)]


async def test_f49_a_friend_who_has_not_opened_the_url_gets_no_sms(world: World, customer: Customer) -> None:
    for day in ("10", "13", "14"):
        await world.go_to(f"2026-11-{day}T10:00")

    assert await customer.sms_urls() == []


async def test_f49_who_has_opened_the_url_and_then_blocked_us_gets_no_sms(world: World, customer: Customer) -> None:
    await world.go_to("2026-11-10T10:00")
    [url] = await customer.urls()
    await customer.enter_card(url)
    await block_silently(world)

    await world.go_to("2026-11-13T10:00")

    assert await customer.sms_urls() == []


async def test_f49_while_line_does_not_say_nothing_is_sent(world: World, customer: Customer) -> None:
    await block_silently(world)
    await world.go_to("2026-11-10T10:00")
    rule = {"path": "/v2/bot/profile/*", "method": "GET", "kind": "500_before", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})

    await world.go_to("2026-11-13T10:00")
    unsaid = await customer.sms_urls()
    await world.go_to("2026-11-14T10:01")
    await world.rest()

    assert unsaid == []
    assert len(await customer.sms_urls()) == 1
