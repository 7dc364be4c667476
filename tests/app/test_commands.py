"""The processes of the Procfile as an operator starts them: separate, on one database, stopped by SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.kit.commands import run
from tests.kit.customer import Customer
from tests.kit.databases import on_database
from tests.kit.servers import free_port
from tests.kit.world import World

MONTH = "2026-11-10T10:00"


def environment(world: World, url: str, **more: str) -> dict[str, str]:
    settings = world.settings
    return {
        "DATABASE_URL": url,
        "CLOCK": "shiftable",
        "PUBLIC_BASE_URL": settings.public_base_url,
        "LINE_API_BASE": settings.line_api_base,
        "TWILIO_API_BASE": settings.twilio_api_base,
        "SANDBOX_GATEWAY_BASE": settings.sandbox_gateway_base,
        "PATH": str(Path(sys.executable).parent),
        **more,
    }


@asynccontextmanager
async def running(*words: str, env: dict[str, str], begins_with: bytes = b"process_started") -> AsyncIterator[None]:
    """A long-running process that has begun, stopped by SIGTERM; it must end by itself and cleanly."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *words, env=env, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    begun = asyncio.Event()
    listening = asyncio.create_task(_listen(process, begins_with, begun))
    try:
        await asyncio.wait_for(begun.wait(), timeout=60)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), timeout=60) == 0
        await listening


async def _listen(process: asyncio.subprocess.Process, words: bytes, heard: asyncio.Event) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if words in line:
            heard.set()


@pytest.fixture
async def hanako(world: World) -> Customer:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    return customer


async def test_tick_at_a_date_does_what_is_due_then_and_a_second_one_nothing(
    world: World, hanako: Customer, database_url: str
) -> None:
    env = environment(world, database_url)

    first = await run("tick", "--at", MONTH, env=env)
    second = await run("tick", env=env)

    assert first[0] == 0
    assert "done: expire, reconcile, open" in first[1]
    assert "nothing was due" in second[1]
    assert len(await hanako.urls()) == 1


async def test_tick_says_what_is_due_and_has_to_wait(world: World, hanako: Customer, database_url: str) -> None:
    env = environment(world, database_url)
    away = env | {"SANDBOX_GATEWAY_BASE": f"http://127.0.0.1:{free_port()}"}

    waiting = await run("tick", "--at", MONTH, env=away)
    done = await run("tick", env=env)

    assert waiting[0] == 1
    assert "reconcile is due and waits: " in waiting[1]
    assert done[0] == 0
    assert "waits" not in done[1]
    assert len(await hanako.urls()) == 1


async def test_web_two_workers_and_a_scheduler_live_the_month_together(
    world: World, hanako: Customer, database_url: str
) -> None:
    port = free_port()
    env = environment(world, database_url, WEB_PORT=str(port))

    async with running("web", env=env), running("worker", env=env), running("worker", env=env):
        async with running("scheduler", env=env):
            await run("tick", "--at", "2026-11-09T12:00", env=env)
            await run("tick", "--at", MONTH, env=env)
            urls = await wait_for_urls(hanako)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            ready = answer.status

    assert len(urls) == 1
    assert ready == 200


async def wait_for_urls(customer: Customer) -> list[str]:
    for _ in range(900):
        if urls := await customer.urls():
            return urls
        await asyncio.sleep(0.1)
    return []


async def test_time_travel_is_refused_on_the_system_clock(world: World, database_url: str) -> None:
    status, said = await run("tick", "--at", MONTH, env=environment(world, database_url, CLOCK="system"))

    assert status == 2
    assert "CLOCK=shiftable" in said


async def test_time_travel_back_brings_the_days_once_more_and_nothing_twice(
    world: World, hanako: Customer, database_url: str
) -> None:
    env = environment(world, database_url)
    await run("tick", "--at", "2026-11-28T12:00", env=env)  # as processes do that were started on the real day

    status, said = await run("tick", "--at", "2026-11-09T12:00", env=env)
    opened = await run("tick", "--at", MONTH, env=env)
    again = await run("tick", "--at", "2026-11-09T12:00", env=env)
    last = await run("tick", "--at", MONTH, env=env)

    assert status == 0
    assert said.splitlines()[0].startswith("The clock goes back")
    assert "open" in opened[1]
    assert (again[0], last[0]) == (0, 0)
    assert len(await hanako.urls()) == 1


async def test_wrong_settings_stop_the_start_with_the_remedy(world: World, database_url: str) -> None:
    status, said = await run("web", env=environment(world, database_url, ENVIRONMENT="production"))

    assert status == 2
    assert "PUBLIC_BASE_URL must begin with https://" in said


@pytest.mark.usefixtures("hanako")
async def test_a_command_on_a_machine_without_the_gateway_stops_nobodys_charges(
    world: World, database_url: str
) -> None:
    env = environment(world, database_url, SANDBOX_GATEWAY_BASE=f"http://127.0.0.1:{free_port()}")

    ended = [await run(*words, env=env) for words in (("refund", "list"), ("receipt", "list"))]

    assert [status for status, _ in ended] == [0, 0]
    assert await world.rows("SELECT reason FROM charging_stop") == []


async def test_a_database_that_is_away_is_named_in_one_sentence(world: World) -> None:
    url = f"postgresql://user:hidden@127.0.0.1:{free_port()}/tsukibarai"

    status, said = await run("status", env=environment(world, url))

    assert status == 3
    assert "No database answers at 127.0.0.1:" in said
    assert "correct DATABASE_URL" in said
    assert len(said.splitlines()) == 1


async def test_a_database_that_does_not_exist_or_is_not_migrated_says_what_to_do(
    world: World, database_url: str, postgres: tuple[str, str]
) -> None:
    nowhere = await run("migrate", env=environment(world, on_database(database_url, "nobody_made_it")))
    empty = await run("status", env=environment(world, on_database(postgres[0], "postgres")))
    unready = await run("tick", env=environment(world, on_database(postgres[0], "postgres"), CLOCK="system"))

    assert nowhere[0] == empty[0] == unready[0] == 3
    assert "create it" in nowhere[1]
    assert "run `tsukibarai migrate` first" in empty[1]
    assert "run `tsukibarai migrate` first" in unready[1].splitlines()[-1]
    assert len((nowhere[1] + empty[1]).splitlines()) == 2


async def test_the_demo_starts_when_only_the_ports_are_named(database_url: str, tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in ("WEB_PORT", "PHONE_PORT", "GATEWAY_PORT", "LINE_PORT", "TWILIO_PORT")}
    env = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "PATH": str(Path(sys.executable).parent), **ports}

    async with running("dev", env=env, begins_with=b"is running"), aiohttp.ClientSession() as session:
        answers = [await answered(session, f"http://127.0.0.1:{ports[name]}/") for name in ("PHONE_PORT", "WEB_PORT")]

    assert answers == [200, 404]


async def answered(session: aiohttp.ClientSession, url: str) -> int | None:
    """The status of the first answer, once somebody listens there."""
    for _ in range(1200):
        try:
            async with session.get(url) as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
    return None
