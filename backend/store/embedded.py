"""Starts, shares and stops a PostgreSQL of our own for people who set no DATABASE_URL.

The cluster lives in `DATA_DIR/pg`, talks through a socket only its owner can reach and never
outlives the process that started it. Never used when DATABASE_URL is set.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import Popen
from types import MappingProxyType
from typing import IO, Self
from urllib.parse import quote

from backend.store.embedded_account import choose_account
from backend.store.embedded_binaries import find_binaries, major_version
from backend.store.embedded_files import Running, locked, read_running, socket_folder, try_lock
from backend.store.embedded_server import DATABASE, EmbeddedPostgresError, Server

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "embedded_postgres", "find_binaries"]

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_START_SECONDS = 60


@asynccontextmanager
async def embedded_postgres(
    *, data_dir: Path, bindir: Path | None = None, settings: Mapping[str, str] = _NO_SETTINGS
) -> AsyncIterator[str]:
    """Run PostgreSQL for the body and yield its SQLAlchemy URL.

    Start and stop as `EmbeddedPostgres` does. The start blocks the loop (0.5 s the first time):
    the kernel ties the server's life to the starting thread, which must be a lasting one.
    """
    server = EmbeddedPostgres(data_dir=data_dir, bindir=bindir, settings=settings)
    try:
        yield server.start()
    finally:
        await asyncio.to_thread(server.stop)


class EmbeddedPostgres:
    """One cluster in `data_dir`, created when missing.

    The first process to start it owns the server; others share it and never stop it. When the
    owner dies, even by SIGKILL, the server shuts down (at once on Linux, elsewhere at the next
    start). Call `start` from a thread that lasts as long as the server is needed. `settings`
    are PostgreSQL's own (fsync=off).
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        bindir: Path | None = None,
        settings: Mapping[str, str] = _NO_SETTINGS,
    ) -> None:
        self._home = data_dir.resolve()
        self._cluster = self._home / "pg"
        self._bindir = bindir
        self._settings = dict(settings)
        self._process: Popen[bytes] | None = None
        self._ownership: IO[str] | None = None  # a lock that the kernel frees if we die

    def start(self) -> str:
        """Start or join the server and return its SQLAlchemy URL.

        Raises `EmbeddedPostgresError` when it does not come up or the folder holds another
        version's data, `PostgresNotFoundError` and `NoAccountError` with their remedies.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        with locked(self._home / "pg.lock"):
            self._ownership = self._ownership or try_lock(self._home / "pg.owner")
            try:
                running = self._settled() or self._launch()
            finally:
                if self._process is None:
                    self._disown()
        sockets = quote(str(running.socket_dir), safe="/")
        return f"postgresql+asyncpg://postgres@/{DATABASE}?host={sockets}"

    def stop(self) -> None:
        """Stop the server if this object started it; disconnects clients (a fast shutdown)."""
        if self._process is None:
            return
        with locked(self._home / "pg.lock"):
            running = read_running(self._cluster)
            Server.end(self._process)
            if running is not None:
                with suppress(OSError):  # only tidiness: a later start makes it again
                    running.socket_dir.rmdir()
            self._disown()

    def __enter__(self) -> Self:
        """Start the server for a with block."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server at the end of the block."""
        self.stop()

    def _settled(self) -> Running | None:
        """Return the server to share, None once there is none; end one whose owner is dead."""
        seen = read_running(self._cluster)
        if seen is not None and self._ownership is not None and self._process is None:
            with suppress(ProcessLookupError):
                os.kill(seen.pid, signal.SIGINT)
            self._wait_for(lambda: read_running(self._cluster) is None)
            return None
        self._wait_for(lambda: (now := read_running(self._cluster)) is None or now.is_ready)
        return read_running(self._cluster)

    def _launch(self) -> Running:
        if self._ownership is None:
            raise EmbeddedPostgresError(
                f"The process that owns {self._cluster} is alive, but its server is not here"
                " (it crashed, or runs in another container). Stop that process first."
            )
        bindir = find_binaries(bindir=self._bindir)
        account = choose_account(home=self._home, cluster=self._cluster, bindir=bindir)
        _refuse_other_version(self._cluster, found=major_version(bindir))
        server = Server(bindir=bindir, account=account, cluster=self._cluster)
        if not self._cluster.exists():
            server.create()
        sockets = socket_folder(self._cluster, give=account.give)
        process = server.spawn(sockets=sockets, settings=self._settings)
        try:
            running = self._ready(server, process)
            server.create_database(sockets=sockets)
        except BaseException:
            server.end(process)
            raise
        self._process = process
        return running

    def _ready(self, server: Server, process: Popen[bytes]) -> Running:
        self._wait_for(
            lambda: process.poll() is not None or ((seen := read_running(self._cluster)) is not None and seen.is_ready)
        )
        running = read_running(self._cluster)
        if running is None:
            raise EmbeddedPostgresError(f"PostgreSQL did not start:\n{server.last_words()}")
        return running

    def _wait_for(self, met: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not met():
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The server of {self._cluster} neither starts nor stops; see pg.log there."
                )
            time.sleep(0.01)

    def _disown(self) -> None:
        if self._ownership is not None:
            self._ownership.close()
        self._ownership = self._process = None


def _refuse_other_version(cluster: Path, *, found: int) -> None:
    if not cluster.exists():
        return
    stored = (cluster / "PG_VERSION").read_text().strip()
    if stored != str(found):
        raise EmbeddedPostgresError(
            f"{cluster} was made by PostgreSQL {stored}, but the programs found are version"
            f" {found}. Name the folder of PostgreSQL {stored}'s programs, or upgrade the data"
            " with pg_upgrade, or move the folder away to begin anew."
        )
