"""URL再送 by SMS beside another SMS with the same URL: answered at once, the URL itself once at a time (f52)."""

import pytest

from tests.kit.customer import Customer
from tests.kit.world import World

ANSWERS = "SELECT state, link_id IS NULL FROM notice WHERE kind = 'reply' ORDER BY id"
WAIT = "お送りしているところです"


@pytest.fixture
async def customer(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def lose_the_url(world: World, kind: str, *, at: str = "2026-11-10T10:00") -> None:
    """Nobody is told what became of the SMS with the URL, and nothing but asking will tell."""
    base = world.settings.twilio_api_base
    await world.control(base, "callbacks", {"enabled": False})
    rule = {"path": "*/Messages.json", "method": "POST", "kind": kind, "times": 1}
    await world.control(base, "faults", {"rules": [rule]})
    await world.go_to(at)
    await world.truth(base, "idle?timeout=10")
    await world.control(base, "callbacks", {"enabled": True})


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_f52_who_asks_for_the_url_while_it_is_in_doubt_is_told_so_at_once(
    world: World, customer: Customer, kind: str
) -> None:
    await lose_the_url(world, kind)

    answer = await customer.say("URL再送")

    assert WAIT in answer
    assert "/p/" not in answer
    assert await world.rows(ANSWERS) == [("delivered", True)]


async def test_f52_once_the_doubt_is_over_the_url_comes_with_the_answer(world: World, customer: Customer) -> None:
    await lose_the_url(world, "drop_after")
    await customer.say("URL再送")
    await world.go_to("2026-11-10T10:02")

    answer = await customer.say("URL再送")

    assert await customer.urls() != []
    assert "/p/" in answer


async def test_a_url_that_waits_for_the_morning_is_shown_again_at_once(world: World, customer: Customer) -> None:
    await lose_the_url(world, "drop_before", at="2026-11-10T18:50")
    for moment in ("18:52", "18:58", "19:10"):
        await world.go_to(f"2026-11-10T{moment}")

    answer = await customer.say("URL再送")

    assert await world.rows("SELECT state FROM notice WHERE kind = 'payment_link'") == [("queued",)]
    assert "/p/" in answer
