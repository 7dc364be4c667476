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
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.clock import ShiftableClock
from app.compose import Parts, open_parts
from app.settings import ClockKind, Settings
from backend.domain.billing_calendar import JST
from backend.store.engine import transaction
from backend.usecases.open_payment_requests import open_payment_requests
from bench.kit.bare_client import push_all
from bench.kit.database import Database, bench_database
from bench.kit.month import fill, make_friends
from bench.kit.processes import Child, cpu_of, python

_SEND_DAY = datetime(2026, 12, 10, 10, tzinfo=JST)
_BARE_PUSHES = 20_000
_UNSENT = text("SELECT count(*) FROM notice WHERE state <> 'sent'")


@dataclass(kw_only=True)
class Run:
    """What one run gave; CPU in seconds a push, by process."""

    customers: int
    workers: int
    open_seconds: float
    pushes_per_second: float
    is_exact: bool
    worker_megabytes: float
    cpu: dict[str, float] = field(default_factory=dict)


async def main() -> None:
    """Run everything and print it."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        async with bench_database(arguments.database_url, folder=Path(folder), name="tsukibarai_bench") as database:
            with python("emulator", "-m", "bench.kit.outsiders", prints_address=True) as line:
                await _measure(arguments, database, line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A month's messages beside a bare client loop")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--database-url")
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, database: Database, line: Child) -> None:
    settings = Settings(clock=ClockKind.SHIFTABLE, line_api_base=line.address, line_pushes_per_second=2000)
    async with open_parts(settings, url=database.url) as parts, aiohttp.ClientSession() as http:
        await ShiftableClock(parts.services.engine).go_to(_SEND_DAY)
        sizes = [(max(arguments.customers // 10, 1), 1)]
        sizes += [(arguments.customers, workers) for workers in sorted({1, arguments.workers})]
        runs = []
        for customers, workers in sizes:
            month = _Month(parts=parts, http=http, database=database, line=line, seconds=arguments.seconds)
            runs.append(await month.run(customers=customers, workers=workers))
            _print_run(runs[-1])
        bare = await push_all(parts.services.engine, http, line, count=min(arguments.customers, _BARE_PUSHES))
    print(f"bare aiohttp client loop: {bare.per_second:,.0f} pushes/s; CPU a push: {_each(bare.cpu)}")
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
        if opened.by_link != customers:
            raise SystemExit(f"{opened.by_link} requests were opened for {customers} customers")
        return await self._send(customers=customers, workers=workers, open_seconds=open_seconds)

    async def _send(self, *, customers: int, workers: int, open_seconds: float) -> Run:
        cpu: dict[str, float] = {}
        with ExitStack() as stack:
            children = [stack.enter_context(self._worker(number)) for number in range(1, workers + 1)]
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
            is_exact=_is_exact(summary, customers),
            worker_megabytes=megabytes,
            cpu={name: seconds / (customers - already) for name, seconds in cpu.items()},
        )

    def _worker(self, number: int) -> Any:
        return python(
            f"worker {number}",
            *("-m", "app", "worker"),
            database_url=self.database.url,
            clock="shiftable",
            line_api_base=self.line.address,
            line_pushes_per_second=2000,
        )

    async def _until_begun(self) -> int:
        """Until the first pushes are there: the start of the workers is not what we measure."""
        deadline = time.monotonic() + self.seconds
        while not (count := (await self._summary())["pushes_accepted"]) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return int(count)

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


def _is_exact(summary: Mapping[str, Any], customers: int) -> bool:
    """Every customer once, and no key tried twice."""
    found = (summary["pushes_accepted"], summary["pushed_users"], summary["most_pushes_per_user"])
    return found == (customers, customers, 1) and summary["duplicates_refused"] == 0


def _print_run(run: Run) -> None:
    print(f"{run.customers:,} customers, {run.workers} worker(s)")
    print(f"  open the month      {run.open_seconds:8.1f} s")
    print(f"  accepted pushes     {run.pushes_per_second:8,.0f} /s")
    print(f"  each exactly once   {'yes' if run.is_exact else 'NO':>8}")
    print(f"  peak of a worker    {run.worker_megabytes:8.0f} MB")
    print(f"  CPU a push          {_each(run.cpu)}", flush=True)


def _each(cpu: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {seconds * 1e6:.0f} µs" for name, seconds in cpu.items())


if __name__ == "__main__":
    uvloop.run(main())
