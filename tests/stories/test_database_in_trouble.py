"""A full disk (53100): no intent, so nothing on the wire; hooks say "later"; reading goes on (f13)."""

import pytest
from sqlalchemy import text

from app.tick import tick
from tests.hooks.test_line_hook import ANNA, event, post, webhook
from tests.hooks.test_twilio_and_gateway_hooks import INBOUND, forged_success, post_gateway, post_twilio
from tests.kit.customer import Customer
from tests.kit.world import World

FULL = """
CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
"""
TABLES = ("inbox_event", "payment_attempt", "notice")


async def _fill_the_disk(world: World) -> None:
    async with world.parts.services.engine.begin() as connection:
        await connection.execute(text(FULL))
        for table in TABLES:
            await connection.execute(
                text(
                    f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION disk_is_full()"
                )
            )


async def _make_room(world: World) -> None:
    async with world.parts.services.engine.begin() as connection:
        await connection.execute(text("DROP FUNCTION disk_is_full CASCADE"))


async def test_f13_on_a_full_disk_webhooks_are_asked_to_come_again_and_nothing_is_lost(world: World) -> None:
    async def deliver() -> list[int]:
        return [
            await post(world, webhook(event(1, ANNA, "一"))),
            await post_gateway(world, forged_success("7c1d5a52-2b8e-4a4e-9f55-2a9f9ac0f0aa")),
            await post_twilio(world, "/hooks/twilio/sms", INBOUND),
        ]

    await _fill_the_disk(world)
    full = await deliver()
    async with world.http.get(f"{world.settings.public_base_url}/readyz") as answer:
        ready = answer.status
    await _make_room(world)

    assert full == [503, 503, 503]
    assert ready == 200
    assert await deliver() == [200, 200, 200]


async def test_f13_on_a_full_disk_nothing_is_charged_and_nothing_sent_and_later_each_once(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    ken = Customer(world=world, number="0012345679", phone="09012345679", line_user=None)
    await world.go_to("2026-11-10T09:00")
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    browser = await hanako.enter_card((await hanako.urls())[0])
    await world.go_to("2026-11-10T20:00")
    await world.import_bills(ken.bill("2026-11", 9120, confirmed="2026-11-08"))

    await _fill_the_disk(world)
    await browser.press("お支払い")
    refused = browser.text
    with pytest.raises(ExceptionGroup, match="not all that is due could be done"):
        await world.go_to("2026-11-11T10:00")
    while_full = (await world.charges(), await ken.inbox())
    await _make_room(world)
    await tick(world.parts)
    await hanako.pay((await hanako.urls())[0])
    await world.rest()

    assert "お支払いが完了しました" not in refused
    assert while_full == ([], [])
    assert len(await ken.urls()) == 1
    assert await world.succeeded() == [8432]
