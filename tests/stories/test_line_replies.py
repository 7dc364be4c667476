"""Answers in the chat: what certainly was not sent is pushed, what may have been is left to people (f57)."""

import pytest

from tests.kit.customer import Customer, linked_customer
from tests.kit.scripted_line import no_connection, refusal, script_line
from tests.kit.world import World

USER = "U" + "3" * 32


@pytest.fixture
async def customer(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


def died() -> Exception:
    return refusal(400, "Invalid reply token")


async def ask(world: World) -> None:
    message = {"type": "text", "text": "メニュー"}
    await world.control(world.settings.line_api_base, f"users/{USER}/messages", message)
    await world.truth(world.settings.line_api_base, "idle?timeout=10")


@pytest.mark.parametrize("first", [refusal(429), no_connection()], ids=["429", "no connection"])
async def test_f57_an_answer_that_only_met_refusals_before_its_token_died_is_pushed(
    world: World, customer: Customer, first: Exception
) -> None:
    script_line(world, "/message/reply", first, died())
    await ask(world)

    for moment in ("12:00:20", "12:02", "12:10"):
        await world.go_to(f"2026-11-01T{moment}")

    assert len(await customer.inbox()) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_f57_an_answer_that_line_did_not_let_us_send_is_pushed_once_it_does(
    world: World, customer: Customer, status: int
) -> None:
    script_line(world, "/message/reply", refusal(status))
    await ask(world)

    for moment in ("12:01", "12:03", "12:08"):
        await world.go_to(f"2026-11-01T{moment}")

    assert len(await customer.inbox()) == 1
    assert await world.rows("SELECT kind FROM staff_task") == [("channel_refused",)]


async def test_f57_an_answer_whose_token_may_have_died_of_age_is_left_to_people(
    world: World, customer: Customer
) -> None:
    """The first try is late and unclear; the second finds a token that is older than its minute."""
    script_line(world, "/message/reply", refusal(500))
    await ask(world)

    for moment in ("12:00:57", "12:01:05", "12:10"):
        await world.go_to(f"2026-11-01T{moment}")

    assert await customer.inbox() == []
    assert await world.rows("SELECT state FROM notice") == [("needs_human",)]
    assert await world.rows("SELECT kind FROM staff_task") == [("notice_unclear",)]


async def test_f57_a_reply_of_unknown_outcome_is_not_pushed_while_its_dead_token_was_young(
    world: World, customer: Customer
) -> None:
    """Only the try before can have used the token up: LINE has the reply."""
    rule = {"path": "/v2/bot/message/reply", "method": "POST", "kind": "500_after", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})
    await world.go_to("2026-11-01T12:30:00")
    await ask(world)
    await world.rest()

    for moment in ("12:30:25", "12:40:00"):
        await world.go_to(f"2026-11-01T{moment}")

    truth = await world.truth(world.settings.line_api_base)
    assert len(await customer.inbox()) == 1
    assert truth["pushes"] == []
