"""What LINE does not take: a URL waits a day, then goes by SMS; none ends unsent without people knowing (f50)."""

import pytest

from tests.kit.customer import Customer, linked_customer
from tests.kit.scripted_line import no_connection, script_line
from tests.kit.world import World

USER = "U" + "3" * 32
URLS = "SELECT channel, state FROM notice WHERE kind = 'payment_link' ORDER BY id"
TASKS = "SELECT kind FROM staff_task WHERE kind <> 'line_quota_short' ORDER BY id"


@pytest.fixture
async def customer(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


async def test_f50_a_url_that_a_quota_has_held_for_a_day_goes_by_sms(world: World, customer: Customer) -> None:
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-11T09:50")
    early = await customer.sms_urls()

    await world.go_to("2026-11-11T10:10")
    await world.rest()

    assert early == []
    assert len(await customer.sms_urls()) == 1
    assert await world.rows(URLS) == [("line", "failed"), ("sms", "delivered")]
    assert await world.rows(TASKS) == []


async def test_f50_a_url_that_line_could_not_be_given_for_a_day_goes_by_sms(world: World, customer: Customer) -> None:
    script_line(world, "/message/push", *(no_connection() for _ in range(9)))

    for moment in ("10T10:00", "10T18:00", "11T10:10"):
        await world.go_to(f"2026-11-{moment}")
    await world.rest()

    assert len(await customer.sms_urls()) == 1


async def test_f50_the_night_is_no_part_of_what_line_has_refused(world: World, customer: Customer) -> None:
    """Queued in the evening, first refused in the morning: the day begins then."""
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-09T20:00")
    await world.go_to("2026-11-10T10:00")

    await world.go_to("2026-11-10T18:50")

    assert await customer.sms_urls() == []
    assert await world.rows(URLS) == [("line", "queued")]


async def test_f50_a_push_that_may_have_arrived_goes_by_no_sms_however_long_line_is_away(
    world: World, customer: Customer
) -> None:
    rule = {"path": "/v2/bot/message/push", "method": "POST", "kind": "500_after", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})
    await world.go_to("2026-11-10T10:00")

    await world.go_to("2026-11-11T18:00")
    await world.rest()

    assert await customer.sms_urls() == []
    assert await world.rows(URLS) == [("line", "needs_human")]
    assert await world.rows(TASKS) == [("notice_unclear",)]


@pytest.mark.usefixtures("customer")
async def test_f50_a_url_that_expires_before_it_went_out_is_one_for_people(world: World) -> None:
    await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-10T10:00")

    await world.go_to("2026-11-21T00:10")

    assert await world.rows("SELECT state, failure FROM notice") == [("failed", "request_expired")]
    assert await world.rows(TASKS) == [("unreachable",)]


async def test_f48_who_is_gone_from_line_gets_the_next_months_by_sms_at_once(world: World, customer: Customer) -> None:
    await world.control(world.settings.line_api_base, "reset", {})
    await world.go_to("2026-11-10T10:00")

    await world.import_bills(customer.bill("2026-12", 9120, confirmed="2026-12-08"))
    await world.go_to("2026-11-21T00:10")
    await world.go_to("2026-12-10T10:00")
    await world.rest()

    assert await world.rows("SELECT is_blocked FROM line_user") == [(True,)]
    assert await world.rows(URLS) == [("line", "failed"), ("sms", "delivered"), ("sms", "delivered")]
