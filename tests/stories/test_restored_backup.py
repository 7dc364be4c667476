"""Yesterday's backup comes back: nobody pays twice, nobody is told twice (faults 12 and 68, invariant 22)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy import text

from app.compose import open_parts
from app.tick import tick
from backend.store.engine import make_engine, transaction
from backend.usecases.reopen_gate import open_gate
from backend.usecases.restore_gate import GateWatch, find_closed_gate
from tests.kit.customer import Customer, linked_customer
from tests.kit.restores import backup_of
from tests.kit.verification import must_verify
from tests.kit.world import World


@asynccontextmanager
async def restarted_on(world: World, url: str) -> AsyncIterator[World]:
    """The product starts on the restored database; the outsiders, and the clocks, have lived on."""
    [(shift,)] = await world.rows("SELECT shift FROM clock_shift")
    engine = make_engine(url)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE clock_shift SET shift = :shift"), {"shift": shift})
    await engine.dispose()
    async with open_parts(world.settings, url=url) as parts:
        yield replace(world, parts=parts)
        await must_verify(parts.services.engine, now=parts.services.clock.now(), has_workers=True)


async def test_f68_after_a_restore_nobody_pays_twice_and_nobody_is_told_twice(
    world: World, postgres: tuple[str, str]
) -> None:
    hanako = Customer(world=world, number="0000000001", phone="09012340001", line_user="U" + "1" * 32)
    taro = Customer(world=world, number="0000000002", phone="09012340002", line_user=None)
    jiro = Customer(world=world, number="0000000003", phone="09012340003", line_user=None)
    everybody = (hanako, taro, jiro)
    await world.import_bills(*(one.bill("2026-11", 8000, confirmed="2026-11-08") for one in everybody))
    await hanako.link_line()
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    await hanako.pay((await hanako.urls())[-1])
    async with backup_of(world.parts.services.engine, server=postgres[0]) as url:
        await taro.pay((await taro.urls())[-1])
        await world.rest()
        told = [await one.inbox() for one in everybody]
        async with restarted_on(world, url) as restored:
            closed = await find_closed_gate(restored.parts.services)
            await tick(restored.parts)
            opening = await open_gate(restored.parts.services, by="sato", now=restored.parts.services.clock.now())
            await restored.go_to("2026-11-10T10:20")
            await restored.go_to("2026-11-11T10:00")
            told_after = [await replace(one, world=restored).inbox() for one in everybody]

            assert closed is not None
            assert opening.is_open, opening.gap.unexplained
            assert await restored.succeeded() == [8000, 8000]
            assert await restored.rows("SELECT state FROM bill ORDER BY account_id") == [
                ("paid",),
                ("paid",),
                ("requested",),
            ]
            assert told_after == told
            await replace(jiro, world=restored).pay((await jiro.urls())[-1])
            assert await restored.succeeded() == [8000, 8000, 8000]


async def test_a_month_that_went_out_in_the_lost_time_is_not_charged_a_second_time(
    world: World, postgres: tuple[str, str]
) -> None:
    hanako = Customer(world=world, number="0000000001", phone="09012340001", line_user="U" + "1" * 32)
    await world.import_bills(hanako.bill("2026-11", 8000, confirmed="2026-11-08"))
    await hanako.link_line()
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[-1])
    await world.import_bills(hanako.bill("2026-12", 9000, confirmed="2026-12-08"))
    await world.go_to("2026-12-09T10:00")
    async with backup_of(world.parts.services.engine, server=postgres[0]) as url:
        await world.go_to("2026-12-10T10:00")
        await world.rest()
        told = await hanako.inbox()
        async with restarted_on(world, url) as restored:
            jobs_while_closed = await tick(restored.parts)
            opening = await open_gate(restored.parts.services, by="sato", now=restored.parts.services.clock.now())
            await restored.go_to("2026-12-10T11:00")
            await restored.go_to("2026-12-11T11:00")

            assert "open" not in jobs_while_closed
            assert opening.is_open, opening.gap.unexplained
            assert await restored.succeeded() == [8000, 9000]
            assert await restored.rows("SELECT state FROM bill ORDER BY billing_month") == [("paid",), ("paid",)]
            assert await replace(hanako, world=restored).inbox() == told


async def test_reminders_of_the_lost_time_are_not_sent_again(world: World, postgres: tuple[str, str]) -> None:
    hanako = Customer(world=world, number="0000000001", phone="09012340001", line_user="U" + "1" * 32)
    taro = Customer(world=world, number="0000000002", phone="09012340002", line_user=None)
    await world.import_bills(*(one.bill("2026-11", 8000, confirmed="2026-11-08") for one in (hanako, taro)))
    await hanako.link_line()
    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-15T09:00")
    async with backup_of(world.parts.services.engine, server=postgres[0]) as url:
        await world.go_to("2026-11-15T10:00")
        await world.rest()
        await world.go_to("2026-11-15T12:00")
        told = [await one.inbox() for one in (hanako, taro)]
        async with restarted_on(world, url) as restored:
            while_closed = await tick(restored.parts)
            await open_gate(restored.parts.services, by="sato", now=restored.parts.services.clock.now())
            await restored.go_to("2026-11-15T13:00")
            told_after = [await replace(one, world=restored).inbox() for one in (hanako, taro)]
            await restored.go_to("2026-11-18T10:00")
            on_the_18th = [await replace(one, world=restored).inbox() for one in (hanako, taro)]

            assert "remind" not in while_closed
            assert told_after == told
            assert [len(messages) for messages in on_the_18th] == [6, 3]  # a push is two bubbles, a message one
            assert [len(messages) for messages in told] == [4, 2]


async def test_f12_what_was_said_before_the_database_moved_is_left_to_people(world: World) -> None:
    hanako = await linked_customer(world, line_user="U" + "1" * 32)
    told = await hanako.inbox()
    question = {"type": "message", "source": {"type": "user", "userId": hanako.line_user}, "replyToken": "t" * 32}
    async with transaction(world.parts.services.engine) as connection:
        await connection.execute(
            text("""
            INSERT INTO inbox_event (source, event_id, order_key, body, state, occurred_at, received_at, not_before)
            VALUES ('line', 'lost', :user, CAST(:body AS jsonb), 'received', :now, :now, :now)"""),
            {
                "user": hanako.line_user,
                "body": json.dumps(question | {"message": {"id": "1", "type": "text", "text": "今月の金額"}}),
                "now": world.parts.services.clock.now(),
            },
        )
        await connection.execute(text("""UPDATE database_identity SET parts = parts || '{"timeline": "0000FFFF"}'"""))

    in_between = await work_inbox(world)
    await GateWatch(services=world.parts.services).look(world.parts.services.clock.now())
    await tick(world.parts)

    assert in_between == 0
    assert await hanako.inbox() == told
    assert await world.rows("SELECT state FROM inbox_event WHERE event_id = 'lost'") == [("quarantined",)]
    assert ("event_quarantined",) in await world.rows("SELECT kind FROM staff_task")


async def work_inbox(world: World) -> int:
    [step] = [step for step in world.parts.steps() if step.name == "inbox"]
    return await step.run(world.parts.services.clock.now())
