"""I9: a card number never reaches our server, our database or our logs (canary numbers over every sink)."""

import re

import pytest
from sqlalchemy import text

from tests.kit.customer import HOSTED, Customer
from tests.kit.world import World

CANARIES = ("4242424242424242", "5555555555554444", "3530111333300000")


def seen(sink: str) -> list[str]:
    """The canaries in a text, however they are spaced."""
    digits = re.sub(r"[\s\-+%20]", "", sink) + re.sub(r"\D", "", sink)
    return [canary for canary in CANARIES if canary in digits]


async def whole_database(world: World) -> str:
    tables = await world.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    dump = []
    async with world.parts.services.engine.begin() as connection:
        for (table,) in tables:
            rows = await connection.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t"))  # noqa: S608 - from the catalogue
            dump += [row[0] for row in rows]
    return "\n".join(dump)


async def test_i9_paying_by_card_leaves_no_number_in_requests_rows_or_logs(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")

    await hanako.pay((await hanako.urls())[0], card=CANARIES[0])

    assert await world.succeeded() == [8432]
    assert b"phone_tail" in world.received
    assert seen(world.received.decode()) == []
    assert seen(await whole_database(world)) == []
    assert seen(capsys.readouterr().out) == []
    assert HOSTED["number"] == CANARIES[0]


async def test_f77_f78_a_number_typed_into_a_chat_or_a_form_is_not_kept(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")

    warned = await hanako.say(f"カード番号は {CANARIES[1]} です")
    browser = await world.browser().open(f"{world.settings.public_base_url}/apply")
    await browser.press("確認コードを送る", customer_number=CANARIES[2], phone=hanako.phone)
    page = await world.browser().open((await hanako.urls())[0])
    await page.press("同意してカード情報の入力へ", phone_tail=CANARIES[2])
    await world.rest()

    assert "書かないでください" in warned
    assert seen(await whole_database(world)) == []
    assert seen(capsys.readouterr().out) == []


async def test_i13_no_token_of_a_url_or_cookie_is_kept_or_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()

    browser = await hanako.pay(url)

    cookies = [cookie.value for cookie in browser.session.cookie_jar]
    secrets = [url.rsplit("/", 1)[1], *cookies]
    sinks = await whole_database(world) + capsys.readouterr().out
    assert len(secrets) == 2
    assert [secret for secret in secrets if secret in sinks] == []
