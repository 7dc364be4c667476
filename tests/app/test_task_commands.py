"""`tsukibarai status` lists what waits for people; `tsukibarai tasks done` takes it off, with a name and a note."""

import re
from datetime import timedelta

import pytest

from app.cli_tasks import advice_by_kind, age
from backend.store import tasks
from backend.store.engine import transaction
from tests.app.test_commands import environment
from tests.bot.chat_accounts import TEMPLATES
from tests.house.source_tree import ROOT
from tests.kit.commands import run
from tests.kit.customer import Customer
from tests.kit.world import World

SENTENCE = (TEMPLATES / "shared" / "being_confirmed.txt").read_text(encoding="utf-8").strip()


async def test_the_list_names_age_order_and_what_to_do_and_a_settled_matter_leaves_it(
    world: World, database_url: str
) -> None:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.go_to("2026-11-10T09:00")
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    [(order,)] = await world.rows("SELECT order_number FROM payment_request")
    services = world.parts.services
    async with transaction(services.engine) as connection:
        await tasks.raise_task(
            connection,
            kind="payment_unknown",
            subject="1",
            account_id=None,
            detail={"order_number": order},
            now=services.clock.now() - timedelta(hours=5, minutes=1),
        )
    env = environment(world, database_url)

    status, listed = await run("status", env=env)
    [number] = re.findall(r"^ *(\d+) +5h  payment_unknown", listed, flags=re.MULTILINE)
    done = await run("tasks", "done", number, "--by", "Sato", "--note", "found at the gateway", env=env)
    again = await run("tasks", "done", number, "--by", "Sato", "--note", "again", env=env)
    _, afterwards = await run("status", env=env)

    assert status == 0
    assert order in listed
    assert SENTENCE in listed
    assert done[0] == 0
    assert again[0] == 1
    assert "0  in all" in afterwards
    assert await world.rows("SELECT done_by, note FROM staff_task") == [("Sato", "found at the gateway")]


@pytest.mark.parametrize(
    ("passed", "said"),
    [(timedelta(minutes=59), "59m"), (timedelta(hours=23), "23h"), (timedelta(days=3, hours=5), "3d")],
)
def test_ages_are_said_in_one_unit(passed: timedelta, said: str) -> None:
    assert age(passed) == said


def test_every_kind_of_task_that_the_operations_explain_has_its_advice() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text.split("## What waits for people")[1].split("\n## ")[0]

    explained = set(re.findall(r"^\| `(\w+)` \| \S", chapter, flags=re.MULTILINE))

    assert explained - set(advice_by_kind()) == set()


def test_page_chat_and_staff_say_the_same_sentence_about_an_unknown_outcome() -> None:
    places = ("pages/being_confirmed.html", "messages/replies/account.toml", "staff/tasks.toml")

    for place in places:
        words = (TEMPLATES / place).read_text(encoding="utf-8")
        assert "being_confirmed.txt" in words, place
        assert "結果を確認しています。二重に" not in words, place
    assert SENTENCE in advice_by_kind()["payment_unknown"]
