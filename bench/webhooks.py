"""How fast customers are heard and answered: signed LINE webhooks, each durable before its 200, then answered.

    python bench/webhooks.py [--events 5000] [--customers 3000] [--workers 1] [--seconds 60] [--database-url ...]

The emulator words the events and gives out their reply tokens; this process signs and posts them, one event a request,
over 32 connections without a pause. Linked customers ask for the menu, the amount and one of the frequent questions.
Web, workers, emulator and PostgreSQL are processes of their own. An answer counts when the emulator has accepted the
reply for a token that is still good. The yardstick is a bare aiohttp handler that only checks the signature.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backend.store.engine import make_engine
from backend.usecases.open_payment_requests import open_payment_requests
from bench.kit import product
from bench.kit.database import Database, bench_database
from bench.kit.load import Request, send_all
from bench.kit.month import analyze, fill, make_friends, user_id
from bench.kit.outsiders import SECRET
from bench.kit.processes import Child, cpu_of, each, outsider, print_load, python
from emulators.line.webhooks import sign

_CONNECTIONS = 32
_CHUNK = 1000  # events a call to the emulator
_WORDS = ("メニュー", "今月の金額", "使えるカードは?")


async def main() -> None:
    """Run everything and print it."""
    arguments = _arguments()
    print_load()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        line = stack.enter_context(outsider("emulator", "line"))
        gateway = stack.enter_context(outsider("gateway", "gateway"))
        bare = stack.enter_context(python("bare handler", "-m", "bench.kit.bare_server", prints_address=True))
        async with (
            bench_database(arguments.database_url, folder=Path(folder), name="tsukibarai_bench") as database,
            aiohttp.ClientSession() as http,
        ):
            await _prepare(http, database, line, gateway, customers=arguments.customers)
            await _measure(arguments, http, database, line, gateway)
            requests = await _requests(http, line.address, f"{bare.address}/hook", arguments, count=arguments.events)
            print(f"bare handler    {await send_all(requests, connections=_CONNECTIONS)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="LINE webhooks beside a bare signature check")
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--database-url")
    return parser.parse_args()


async def _prepare(
    http: aiohttp.ClientSession, database: Database, line: Child, gateway: Child, *, customers: int
) -> None:
    """Customers with an open request; LINE's clock stands with ours."""
    async with product.parts_on(database.url, line=line.address, gateway=gateway.address) as parts:
        await fill(parts.services.engine, customers=customers)
        await open_payment_requests(parts.services, now=parts.services.clock.now())
        await analyze(parts.services.engine)
    await make_friends(http, line.address, customers=customers)
    async with http.post(f"{line.address}/_control/clock", json={"now": product.SEND_DAY.isoformat()}) as answer:
        answer.raise_for_status()


async def _measure(
    arguments: argparse.Namespace, http: aiohttp.ClientSession, database: Database, line: Child, gateway: Child
) -> None:
    settings = {"database_url": database.url, "line_api_base": line.address, "sandbox_gateway_base": gateway.address}
    port, cpu = product.free_port(), dict[str, float]()
    with ExitStack() as stack:
        children = [stack.enter_context(product.web(port, settings))]
        children += [stack.enter_context(product.worker(number + 1, settings)) for number in range(arguments.workers)]
        await product.until_ready(http, f"http://127.0.0.1:{port}")
        await _until_pushed(http, line.address, arguments)
        url = f"http://127.0.0.1:{port}/hooks/line"
        before = await _warm_up(http, database, line.address, url, arguments)
        requests = await _requests(http, line.address, url, arguments, count=arguments.events)
        start = time.perf_counter()
        with cpu_of([*children, line, *filter(None, [database.process])], cpu):
            answers = await send_all(requests, connections=_CONNECTIONS)
            replies = await _until_answered(http, line.address, arguments, count=before + arguments.events) - before
        seconds = time.perf_counter() - start
        print(f"web process     {answers}")
        print(f"answers         {replies / seconds:6,.0f} /s ({replies} of {arguments.events} by reply token)")
        print(f"peak memory     {', '.join(f'{child.name} {child.peak_megabytes():.0f} MB' for child in children)}")
        print(f"CPU an event    {each(cpu, arguments.events)}")


async def _warm_up(
    http: aiohttp.ClientSession, database: Database, line: str, url: str, arguments: argparse.Namespace
) -> int:
    """Some events beforehand and then statistics: PostgreSQL's plans for empty tables are no good for full ones."""
    requests = await _requests(http, line, url, arguments, count=_CHUNK)
    await send_all(requests, connections=_CONNECTIONS)
    replies = await _until_answered(http, line, arguments, count=_CHUNK)
    engine = make_engine(database.url, pool_size=1)
    await analyze(engine)
    await engine.dispose()
    return replies


async def _requests(
    http: aiohttp.ClientSession, line: str, url: str, arguments: argparse.Namespace, *, count: int
) -> list[Request]:
    """Signed webhooks whose reply tokens the emulator has just given out."""
    words = itertools.cycle(_WORDS)
    users = itertools.cycle(range(1, arguments.customers + 1))
    wanted = [
        {"type": "message", "userId": user_id(next(users)), "message": {"type": "text", "text": next(words)}}
        for _ in range(count)
    ]
    events: list[Any] = []
    for start in range(0, len(wanted), _CHUNK):
        async with http.post(f"{line}/_control/events", json=wanted[start : start + _CHUNK]) as answer:
            events += (await answer.json())["events"]
    return [_signed(url, event) for event in events]


def _signed(url: str, event: Mapping[str, object]) -> Request:
    body = json.dumps({"destination": "U" + "0" * 32, "events": [event]}).encode()
    headers = {"Content-Type": "application/json", "x-line-signature": sign(secret=SECRET, body=body)}
    return Request(url=url, headers=headers, body=body)


async def _until_pushed(http: aiohttp.ClientSession, line: str, arguments: argparse.Namespace) -> None:
    """Until the month's own messages are out of the way."""
    await _until(http, line, "pushes_accepted", arguments.customers, seconds=arguments.seconds)


async def _until_answered(http: aiohttp.ClientSession, line: str, arguments: argparse.Namespace, *, count: int) -> int:
    return await _until(http, line, "replies", count, seconds=arguments.seconds)


async def _until(http: aiohttp.ClientSession, line: str, name: str, count: int, *, seconds: int) -> int:
    """Until the emulator counts so many, or the time is over; returns how many."""
    deadline, seen = time.monotonic() + seconds, 0
    while seen < count and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        async with http.get(f"{line}/_control/truth/summary") as answer:
            seen = int((await answer.json())[name])
    return seen


if __name__ == "__main__":
    uvloop.run(main())
