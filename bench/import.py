"""How long an import takes beside a bare COPY of the same rows, and how much memory.

    python bench/import.py [--rows 100000] [--database-url postgresql://...]

Without an address an embedded PostgreSQL is started in a temporary folder, with its usual, safe settings. Everything
happens in a database of its own. Three yardsticks, each taken in every round:

- bare COPY: the same CSV file into a table with the same columns and nothing else (no key, no index, no check);
- ledger COPY: the rows that the import has written, by COPY into the ledger's own two tables: what their keys,
  indexes, checks and guards cost anybody;
- the import: decode, read and check every cell, stage, compare with the ledger, write. First into an empty ledger,
  then the next month of the same customers, then the same file again.
"""

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.sample_bills import SampleOrder, write_samples
from backend.store.embedded import EmbeddedPostgres
from backend.store.engine import as_asyncpg, make_engine
from backend.store.migrate import upgrade
from backend.usecases.import_bills import import_bills

_ROUNDS = 3
_DATABASE = "tsukibarai_bench_import"
_NOW = datetime(2026, 11, 9, tzinfo=UTC)
_BARE = """
DROP TABLE IF EXISTS bare;
CREATE TABLE bare (customer_number text, name_kanji text, name_kana text, phone text, email text,
  service_location text, billing_month text, period text, usage_kwh numeric, amount integer, bill_number text,
  confirmed_on date)
"""
# History is only ever added to; a bench forgets it by putting its guards to sleep.
_EMPTY = """
BEGIN; SET LOCAL session_replication_role = replica;
TRUNCATE account, bill RESTART IDENTITY CASCADE; COMMIT
"""
_FORGET_THE_NEXT_MONTH = """
BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM bill WHERE billing_month > '2026-11'; COMMIT
"""


async def main() -> None:
    """Run all rounds and print medians."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = _samples(arguments.rows, folder)
        megabytes = files[0].stat().st_size / 1e6
        print(f"{arguments.rows:,} rows, {megabytes:.1f} MB, median of {_ROUNDS}")
        async with _database(arguments.database_url, folder) as url:
            await _measure(url, files, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Import beside a bare COPY")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--database-url")
    return parser.parse_args()


def _samples(rows: int, folder: Path) -> tuple[Path, ...]:
    """Written by a child, whose memory does not count as the import's."""
    order = SampleOrder(customers=rows, months=2, start="2026-11", seed=1)
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as child:
        return child.submit(write_samples, order, out=folder).result()


async def _measure(url: str, files: tuple[Path, ...], folder: Path) -> None:
    engine = make_engine(url)
    await upgrade(engine)
    times: dict[str, list[float]] = {}
    idle = _peak_megabytes()
    for _ in range(_ROUNDS):
        await _round(engine, url, files, folder, times)
    await engine.dispose()
    _print(times)
    print(f"{'peak memory of this process':32} {_peak_megabytes():7.0f} MB ({idle:.0f} MB before the first import)")


async def _round(
    engine: AsyncEngine, url: str, files: tuple[Path, ...], folder: Path, times: dict[str, list[float]]
) -> None:
    async def timed(name: str, work: Callable[[], Awaitable[object]]) -> None:
        start = time.perf_counter()
        await work()
        times.setdefault(name, []).append(time.perf_counter() - start)

    first, second = files
    server = await asyncpg.connect(_plain(url))
    try:
        await server.execute(_BARE)
        await timed("bare COPY", lambda: _copy(server, "bare", first, "csv", header=True))
        await server.execute(_EMPTY)
        await timed("import, all customers new", lambda: _import(engine, first))
        await timed("import, the same file again", lambda: _import(engine, first))
        await timed("import, the next month", lambda: _import(engine, second))
        await server.execute(_FORGET_THE_NEXT_MONTH)
        dumps = {table: folder / table for table in ("account", "bill")}
        for table, dump in dumps.items():
            await server.copy_from_table(table, output=str(dump), format="binary")
        await server.execute(_EMPTY)
        await timed("ledger COPY", lambda: _ledger_copy(server, dumps))
    finally:
        await server.close()


async def _import(engine: AsyncEngine, source: Path) -> None:
    report = await import_bills(engine, source=source, now=_NOW, amend=False, dry_run=False)
    if not report.is_accepted:
        raise SystemExit(f"the sample was refused: {report.refusals[:3]}")


async def _copy(server: Any, table: str, source: Path, form: str, **options: object) -> None:
    await server.copy_to_table(table, source=str(source), format=form, **options)


async def _ledger_copy(server: Any, dumps: dict[str, Path]) -> None:
    async with server.transaction():
        for table, dump in dumps.items():
            await _copy(server, table, dump, "binary")


def _print(times: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(values) for name, values in times.items()}
    bare, ledger = medians["bare COPY"], medians["ledger COPY"]
    print(f"{'':32} {'time':>9} {'/ bare COPY':>12} {'/ ledger COPY':>14}")
    for name, median in medians.items():
        print(f"{name:32} {median:8.3f}s {median / bare:12.2f} {median / ledger:14.2f}")


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@asynccontextmanager
async def _database(address: str | None, folder: Path) -> AsyncIterator[str]:
    """A database of our own on the server named, or on an embedded one."""
    server = None
    if address is None:
        server = EmbeddedPostgres(data_dir=folder / "pg")
        address = server.start()
    administrator = await asyncpg.connect(_plain(as_asyncpg(address)))
    try:
        await administrator.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        await administrator.execute(f"CREATE DATABASE {_DATABASE}")
        yield make_url(as_asyncpg(address)).set(database=_DATABASE).render_as_string(hide_password=False)
        await administrator.execute(f"DROP DATABASE {_DATABASE} WITH (FORCE)")
    finally:
        await administrator.close()
        if server is not None:
            server.stop()


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "", 1).replace("ssl=", "sslmode=", 1)  # asyncpg itself reads libpq's form


if __name__ == "__main__":
    asyncio.run(main())
