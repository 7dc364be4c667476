"""A PostgreSQL with a data folder of its own that can be crashed, behind a proxy that can lose a COMMIT's answer."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.store.embedded import EmbeddedPostgres
from backend.store.engine import make_engine
from backend.store.migrate import upgrade

# A crash here is `pg_ctl stop -m immediate`, not a power failure: what the system was given to write stays written.
# So fsync may be off; commits must be on.
_SETTINGS = {"fsync": "off", "synchronous_commit": "on", "max_connections": "300", "wal_level": "minimal",
             "max_wal_senders": "0", "log_checkpoints": "off"}  # fmt: skip
T = TypeVar("T")
_PATIENCE = 40  # quarters of a second
_COMMIT = b"COMMIT;\x00"
_LEASED = ("payment_attempt", "notice", "inbox_event", "refund")


@dataclass(kw_only=True)
class Proxy:
    """Carries the wire protocol between the product's processes and the server; may cut a line at a COMMIT."""

    socket: str
    dice: random.Random
    losing: float = 0.0  # of COMMIT answers, 0..1
    lost: int = 0  # the server has committed, the client never hears of it
    cut: int = 0  # the COMMIT never reached the server
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two hung up, or the run is over
        finally:
            self._calls.discard(call)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inward, outward = await asyncio.open_unix_connection(self.socket)
        back = asyncio.create_task(_pump(inward, writer))
        try:
            while data := await reader.read(65536):
                if data.endswith(_COMMIT) and self.dice.random() < self.losing:
                    await self._lose(data, inward, outward, back)
                    return
                outward.write(data)
                await outward.drain()
        finally:
            back.cancel()
            outward.close()

    async def _lose(
        self, data: bytes, inward: asyncio.StreamReader, outward: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        """Three of four times the server commits first, and its answer is thrown away."""
        if self.dice.random() < 0.25:
            self.cut += 1
            return
        back.cancel()
        with suppress(asyncio.CancelledError):
            await back
        outward.write(data)
        await outward.drain()
        await inward.read(65536)
        self.lost += 1

    async def stop(self) -> None:
        """Hang up on everybody."""
        for call in tuple(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@dataclass(kw_only=True)
class Database:
    """`url` leads through the proxy, for the product; `engine` is the harness's own way, straight to the server."""

    url: str
    folder: Path
    server: EmbeddedPostgres
    engine: AsyncEngine
    proxy: Proxy
    crashes: int = 0

    async def crash(self) -> None:
        """Stop at once, without a checkpoint, and start again; recovery replays the log."""
        os.kill(self._postmaster(), signal.SIGQUIT)
        while self._postmaster():  # noqa: ASYNC110 - another process, it has no event for us
            await asyncio.sleep(0.02)
        self.crashes += 1
        self.server.start()
        await self.engine.dispose()

    def _postmaster(self) -> int:
        """The server's pid; 0 when it is gone."""
        try:
            return int((self.folder / "pg" / "postmaster.pid").read_text().split()[0])
        except FileNotFoundError:
            return 0

    async def end_leases(self) -> None:
        """Everybody who held one is dead, and minutes of the database's clock have passed."""
        async with self.engine.begin() as connection:
            for table in _LEASED:
                await connection.execute(
                    text(f"UPDATE {table} SET lease_until = clock_timestamp() - interval '1 second'"  # noqa: S608
                         " WHERE lease_until > clock_timestamp()")
                )  # fmt: skip

    async def rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        """Ask the ledger; waits while the server recovers."""
        return await self.patiently(lambda: self._rows(query, values))

    async def _rows(self, query: str, values: dict[str, object]) -> list[tuple[object, ...]]:
        async with self.engine.begin() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something that may be done twice, and again when the server crashed meanwhile."""
        for _ in range(_PATIENCE):
            with suppress(DBAPIError, OSError):
                return await work()
            await asyncio.sleep(0.25)
        return await work()


@asynccontextmanager
async def crashable_database(*, folder: Path, port: int, dice: random.Random) -> AsyncIterator[Database]:
    """A migrated database; the data folder stays."""
    server = EmbeddedPostgres(data_dir=folder, settings=_SETTINGS)
    direct = server.start()
    engine = make_engine(direct, pool_size=4)
    await upgrade(engine)
    socket = f"{unquote(direct.partition('?host=')[2])}/.s.PGSQL.5432"
    proxy = Proxy(socket=socket, dice=dice)
    listener = await asyncio.start_server(proxy.connected, "127.0.0.1", port)
    try:
        yield Database(
            url=f"postgresql+asyncpg://postgres@127.0.0.1:{port}/tsukibarai",
            folder=folder,
            server=server,
            engine=engine,
            proxy=proxy,
        )
    finally:
        listener.close()
        await proxy.stop()
        await engine.dispose()
        server.stop()
