"""Messages under provider faults: each reaches the customer once (f5, f6, f46-f52, f57)."""

from typing import Any

import pytest
from sqlalchemy import text

from app.tick import tick
from tests.kit.customer import Customer, linked_customer
from tests.kit.world import World

USER = "U" + "3" * 32


@pytest.fixture
async def on_line(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


@pytest.fixture
async def on_sms(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def break_once(world: World, base: str, kind: str, path: str, times: int = 1) -> None:
    rule: dict[str, Any] = {"path": path, "method": "POST", "kind": kind, "times": times}
    await world.control(base, "faults", {"rules": [rule]})


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "500_before", "500_after", "429"])
async def test_f5_f46_f47_a_broken_push_is_repeated_with_its_key_and_arrives_once(
    world: World, on_line: Customer, kind: str
) -> None:
    await break_once(world, world.settings.line_api_base, kind, "/v2/bot/message/push")

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-10T10:01")

    assert len(await on_line.urls()) == 1
    assert await world.rows("SELECT state, attempts FROM notice") == [("sent", 2)]


async def test_f48_a_push_to_an_unknown_user_goes_by_sms_instead(world: World, on_line: Customer) -> None:
    await world.control(world.settings.line_api_base, "reset", {})

    await world.go_to("2026-11-10T10:00")
    await world.rest()

    on_line.line_user = None
    assert len(await on_line.urls()) == 1
    told = await world.rows("SELECT channel, state FROM notice ORDER BY id")
    assert told == [("line", "failed"), ("sms", "delivered")]


async def test_f50_a_used_up_quota_holds_the_message_and_sends_it_later(world: World, on_line: Customer) -> None:
    line = world.settings.line_api_base
    await world.control(line, "limits", {"monthly_quota": 0})
    await world.go_to("2026-11-10T10:00")
    held = await world.rows("SELECT state FROM notice")
    await world.control(line, "limits", {"monthly_quota": None})

    await world.go_to("2026-11-10T10:20")

    assert held == [("queued",)]
    assert len(await on_line.urls()) == 1


async def test_f51_a_key_older_than_23_hours_is_never_used_again(world: World, on_line: Customer) -> None:
    await break_once(world, world.settings.line_api_base, "500_before", "/v2/bot/message/push", times=2)

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-11T10:01")
    await world.go_to("2026-11-11T10:30")

    assert await on_line.urls() == []
    assert await world.rows("SELECT state FROM notice") == [("needs_human",)]
    assert await world.rows("SELECT kind FROM staff_task") == [("notice_unclear",)]


@pytest.mark.parametrize("kind", ["drop_after", "500_after"])
async def test_f6_an_sms_that_was_accepted_without_an_answer_is_found_and_not_repeated(
    world: World, on_sms: Customer, kind: str
) -> None:
    await break_once(world, world.settings.twilio_api_base, kind, "*/Messages.json")

    for moment in ("10T10:00", "10T10:02", "10T10:20", "10T12:00"):
        await world.go_to(f"2026-11-{moment}")
        await world.rest()

    assert len(await on_sms.urls()) == 1
    assert await world.rows("SELECT state, attempts FROM notice") == [("delivered", 1)]


@pytest.mark.parametrize("kind", ["drop_before", "500_before"])
async def test_f52_an_sms_that_never_arrived_is_sent_again_only_after_the_window(
    world: World, on_sms: Customer, kind: str
) -> None:
    await break_once(world, world.settings.twilio_api_base, kind, "*/Messages.json")

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-10T10:10")
    early = await on_sms.urls()
    await world.go_to("2026-11-10T10:21")
    await world.rest()

    assert early == []
    assert len(await on_sms.urls()) == 1


async def test_f57_a_reply_whose_token_has_died_is_pushed(world: World, on_line: Customer) -> None:
    message = {"type": "text", "text": "メニュー"}
    await world.control(world.settings.line_api_base, f"users/{USER}/messages", message)
    await world.truth(world.settings.line_api_base, "idle?timeout=10")

    await world.go_to("2026-11-01T12:10")

    truth = await world.truth(world.settings.line_api_base)
    assert len(await on_line.inbox()) == 1
    assert len(truth["pushes"]) == 1


@pytest.mark.parametrize("kind", ["drop_after", "500_after", "drop_before"])
async def test_a_reply_without_an_answer_is_not_doubled(world: World, on_line: Customer, kind: str) -> None:
    await break_once(world, world.settings.line_api_base, kind, "/v2/bot/message/reply")

    await on_line.say("メニュー")
    await world.go_to("2026-11-01T12:00:20")
    await world.rest()

    assert len(await on_line.inbox()) == 1


async def test_f21_a_bill_imported_in_the_evening_is_announced_next_morning(world: World) -> None:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.go_to("2026-11-12T20:00")
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-12"))
    await tick(world.parts)
    in_the_evening = await customer.urls()

    await world.go_to("2026-11-13T10:00")

    assert in_the_evening == []
    assert len(await customer.urls()) == 1


async def test_f22_a_message_that_cannot_be_worded_goes_to_people_and_holds_up_nobody(world: World) -> None:
    broken = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    sound = Customer(world=world, number="0012345679", phone="09012345679", line_user=None)
    await world.go_to("2026-11-12T20:00")
    await world.import_bills(
        broken.bill("2026-11", 8432, confirmed="2026-11-12"), sound.bill("2026-11", 9120, confirmed="2026-11-12")
    )
    async with world.parts.services.engine.begin() as connection:
        await connection.execute(
            text("UPDATE notice SET facts = facts - 'last_day' WHERE address = :address"), {"address": broken.e164}
        )

    await world.go_to("2026-11-13T10:00")
    await world.rest()

    assert await broken.urls() == []
    assert len(await sound.urls()) == 1
    assert await world.rows("SELECT state FROM notice ORDER BY id") == [("needs_human",), ("delivered",)]
    assert await world.rows("SELECT kind FROM staff_task") == [("notice_unsayable",)]


async def test_f61_a_number_corrected_overnight_gets_the_url_and_the_old_one_does_not(world: World) -> None:
    old = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    new = Customer(world=world, number="0012345678", phone="09087654321", line_user=None)
    await world.go_to("2026-11-12T20:00")
    await world.import_bills(old.bill("2026-11", 8432, confirmed="2026-11-12"))
    await world.import_bills(new.bill("2026-12", 9120, confirmed="2026-12-08"))

    await world.go_to("2026-11-13T10:00")

    assert await old.urls() == []
    assert len(await new.urls()) == 1
