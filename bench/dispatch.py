"""How fast a month goes out: bills, payment requests, notices, pushes that the LINE emulator has accepted.

    python bench/dispatch.py [--customers 100000] [--workers 2] [--seconds 120] [--database-url postgresql://...]

Workers, emulator and PostgreSQL are processes of their own. The yardstick is a bare aiohttp client loop with the same
connections and the same bodies against the same emulator, without a database, a retry or a record of anything. Runs
with 1 and with `--workers` workers, and with a tenth of the customers to show that memory does not grow with their
number. `--seconds` bounds the sending of each run.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.compose import Parts
from backend.store.engine import transaction
from backend.usecases.open_payment_requests import open_payment_requests
from bench.kit import product
from bench.kit.bare_client import push_all
from bench.kit.database import Database, bench_database
from bench.kit.month import analyze, fill, make_friends
from bench.kit.processes import Child, cpu_of, each, outsider, print_load

_BARE_PUSHES = 20_000
_UNSENT = text("SELECT count(*) FROM notice WHERE state <> 'sent'")


@dataclass(kw_only=True)
class Run:
    """What one run gave; CPU in seconds a push, by process."""

    customers: int
    workers: int
    open_seconds: float
    pushes_per_second: float
    verdict: str
    worker_megabytes: float
    cpu: dict[str, float] = field(default_factory=dict)


async def main() -> None:
    """Run everything and print it."""
    arguments = _arguments()
    print_load()
    with tempfile.TemporaryDirectory() as folder:
        async with bench_database(arguments.database_url, folder=Path(folder), name="tsukibarai_bench") as database:
            with outsider("emulator", "line") as line, outsider("gateway", "gateway") as gateway:
                await _measure(arguments, database, line, gateway)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A month's messages beside a bare client loop")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--database-url")
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, database: Database, line: Child, gateway: Child) -> None:
    opened = product.parts_on(database.url, line=line.address, gateway=gateway.address)
    async with opened as parts, aiohttp.ClientSession() as http:
        sizes = [(max(arguments.customers // 10, 1), 1)]
        sizes += [(arguments.customers, workers) for workers in sorted({1, arguments.workers})]
        runs = []
        for customers, workers in sizes:
            month = _Month(parts=parts, http=http, database=database, line=line, seconds=arguments.seconds)
            runs.append(await month.run(customers=customers, workers=workers))
            _print_run(runs[-1])
        bare = await push_all(parts.services.engine, http, line, count=min(arguments.customers, _BARE_PUSHES))
    print(f"bare aiohttp client loop: {bare.per_second:,.0f} pushes/s; CPU a push: {each(bare.cpu, 1)}")
    for run in runs:
        ratio = run.pushes_per_second / bare.per_second
        print(f"{run.customers:,} customers, {run.workers} worker(s): {ratio:.2f} of the bare loop")


@dataclass(frozen=True, kw_only=True)
class _Month:
    parts: Parts
    http: aiohttp.ClientSession
    database: Database
    line: Child
    seconds: int

    async def run(self, *, customers: int, workers: int) -> Run:
        """One month of these customers."""
        services = self.parts.services
        await fill(services.engine, customers=customers)
        await make_friends(self.http, self.line.address, customers=customers)
        await services.clock.refresh()
        start = time.perf_counter()
        opened = await open_payment_requests(services, now=services.clock.now())
        open_seconds = time.perf_counter() - start
        await analyze(services.engine)
        if opened.by_link != customers:
            raise SystemExit(f"{opened.by_link} requests were opened for {customers} customers")
        return await self._send(customers=customers, workers=workers, open_seconds=open_seconds)

    async def _send(self, *, customers: int, workers: int, open_seconds: float) -> Run:
        cpu: dict[str, float] = {}
        with ExitStack() as stack:
            settings = {"database_url": self.database.url, "line_api_base": self.line.address}
            settings["sandbox_gateway_base"] = self.parts.settings.sandbox_gateway_base
            children = [stack.enter_context(product.worker(number + 1, settings)) for number in range(workers)]
            measured = [*children, self.line, *filter(None, [self.database.process])]
            already = await self._until_begun()
            with cpu_of(measured, cpu):
                await self._until_sent(customers)
            megabytes = max(child.peak_megabytes() for child in children)
        summary = await self._summary()
        return Run(
            customers=customers,
            workers=workers,
            open_seconds=open_seconds,
            pushes_per_second=summary["pushes_accepted"] / (summary["last_push_at"] - summary["first_push_at"]),
            verdict=_verdict(summary, customers),
            worker_megabytes=megabytes,
            cpu={name: seconds / (customers - already) for name, seconds in cpu.items()},
        )

    async def _until_begun(self) -> int:
        """Until the first pushes are there: the start of the workers is not what we measure."""
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            if count := int((await self._summary())["pushes_accepted"]):
                return count
        raise SystemExit("no worker has sent anything")

    async def _until_sent(self, customers: int) -> None:
        """Until the emulator has accepted everybody's push and the ledger knows it, or the time is over."""
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            if (await self._summary())["pushes_accepted"] >= customers:
                async with transaction(self.parts.services.engine) as connection:
                    if not (await connection.execute(_UNSENT)).scalar_one():
                        return

    async def _summary(self) -> Mapping[str, Any]:
        async with self.http.get(f"{self.line.address}/_control/truth/summary") as answer:
            return dict(await answer.json())


def _verdict(summary: Mapping[str, Any], customers: int) -> str:
    """What the emulator's own records say."""
    if summary["most_pushes_per_user"] > 1 or summary["duplicates_refused"]:
        return "NO: somebody was sent something twice"
    missing = customers - summary["pushed_users"]
    return f"not finished, {missing:,} wait" if missing else "yes, 0 duplicates"


def _print_run(run: Run) -> None:
    print(f"{run.customers:,} customers, {run.workers} worker(s)")
    print(f"  open the month      {run.open_seconds:8.1f} s")
    print(f"  accepted pushes     {run.pushes_per_second:8,.0f} /s")
    print(f"  each exactly once        {run.verdict}")
    print(f"  peak of a worker    {run.worker_megabytes:8.0f} MB")
    print(f"  CPU a push          {each(run.cpu, 1)}", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
