"""A provider's odd answer to one message takes nothing from its neighbours in the batch (f74, channels.md)."""

import pytest
from linebot.v3.messaging.exceptions import ApiException

from tests.kit.customer import Customer
from tests.kit.scripted_line import refusal, script_line
from tests.kit.world import World

ODD = ("\x00", "a\x00b", "\ud800", "長" * 5_000, "\u202e")
STATES = "SELECT state FROM notice"


@pytest.fixture
async def couple(world: World) -> list[Customer]:
    """Two customers with LINE, whose URLs go out in one batch."""
    numbers = {"0012345678": "09012345678", "0012345679": "09012345679"}
    couple = [
        Customer(world=world, number=number, phone=phone, line_user="U" + number[-1] * 32)
        for number, phone in numbers.items()
    ]
    await world.import_bills(*(each.bill("2026-11", 8432, confirmed="2026-11-08") for each in couple))
    for each in couple:
        await each.link_line()
    return couple


def oddly_refused(words: str) -> ApiException:
    """LINE's server is out of order, and so are its words."""
    return refusal(429, words, x_line_request_id=words)


@pytest.mark.parametrize("words", ODD)
async def test_f74_odd_words_of_line_hold_one_message_and_not_its_neighbour(
    world: World, couple: list[Customer], words: str
) -> None:
    script_line(world, "/message/push", oddly_refused(words))

    await world.go_to("2026-11-10T10:00")
    first = await world.rows(STATES)
    await world.go_to("2026-11-10T10:05")

    assert sorted(first) == [("queued",), ("sent",)]
    assert [len(await each.urls()) for each in couple] == [1, 1]
