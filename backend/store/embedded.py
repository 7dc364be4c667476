"""Starts, shares and stops a PostgreSQL of our own for people who set no DATABASE_URL.

The cluster lives in `DATA_DIR/pg`, talks through a socket only its owner can reach and never
outlives the process that started it. Never used when DATABASE_URL is set.
"""

import asyncio
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import quote

from backend.store.embedded_account import Account, choose_account
from backend.store.embedded_binaries import find_binaries, major_version
from backend.store.embedded_files import Running, locked, read_running, socket_folder

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "embedded_postgres", "find_binaries"]

DATABASE = "tsukibarai"
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_FIRST_BUILTIN_LOCALE = 17  # the version from which C.UTF-8 no longer needs the C library's
_START_SECONDS = 60
_STOP_SECONDS = 30
_LOG_BYTES = 10_000_000
# A fresh environment: PGDATA, PGPORT, LD_LIBRARY_PATH of the caller must not reach the server.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL could not be used; the message says what to do."""


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
    owner dies, even by SIGKILL, the server shuts down (on Linux). Call `start` from a thread
    that lasts as long as the server is needed. `settings` are PostgreSQL's own (fsync=off).
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
        self._log = self._home / "pg.log"
        self._bindir = bindir
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start or join the server and return its SQLAlchemy URL.

        Raises `EmbeddedPostgresError` when it does not come up or the folder holds another
        version's data, `PostgresNotFoundError` and `NoAccountError` with their remedies.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        with locked(self._home / "pg.lock"):
            running = self._settled() or self._launch()
            return _url(running.socket_dir)

    def stop(self) -> None:
        """Stop the server if this object started it; disconnects clients (a fast shutdown)."""
        if self._process is None:
            return
        with locked(self._home / "pg.lock"):
            running = read_running(self._cluster)
            _end(self._process)
            if running is not None:
                with suppress(OSError):  # only tidiness: a later start makes it again
                    running.socket_dir.rmdir()
        self._process = None

    def __enter__(self) -> Self:
        """Start the server for a with block."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server at the end of the block."""
        self.stop()

    def _settled(self) -> Running | None:
        """Wait until a server seen in the folder is ready (then share it) or gone."""
        _wait(
            lambda: (seen := read_running(self._cluster)) is None or seen.is_ready,
            failing=lambda: f"another server in {self._cluster} neither starts nor stops",
        )
        return read_running(self._cluster)

    def _launch(self) -> Running:
        bindir = find_binaries(bindir=self._bindir)
        account = choose_account(home=self._home, cluster=self._cluster, bindir=bindir)
        _refuse_other_version(self._cluster, found=major_version(bindir))
        if not self._cluster.exists():
            self._create(bindir, account)
        sockets = socket_folder(self._cluster, give=account.give)
        self._process = self._spawn(bindir, account, sockets)
        try:
            return self._ready(bindir, account, sockets)
        except BaseException:
            _end(self._process)
            self._process = None
            raise

    def _create(self, bindir: Path, account: Account) -> None:
        """Make the cluster beside its place and move it in whole: no half cluster can be left."""
        fresh = self._home / "pg.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        account.give(fresh)
        locale = (
            ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
            if major_version(bindir) >= _FIRST_BUILTIN_LOCALE
            else ("--locale=C.UTF-8",)
        )
        words = ("--username=postgres", "--auth-local=trust", "--auth-host=reject")
        _run("initdb", account.command(bindir / "initdb", "-D", fresh, "-E", "UTF8", *words, *locale))
        fresh.rename(self._cluster)

    def _spawn(self, bindir: Path, account: Account, sockets: Path) -> subprocess.Popen[bytes]:
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        settings = {
            "listen_addresses": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._settings,
            "unix_socket_directories": f'"{sockets}"',
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                account.command(bindir / "postgres", "-D", self._cluster, *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
                # Ctrl-C in the terminal must reach the program, which stops the server last.
                start_new_session=True,
            )

    def _ready(self, bindir: Path, account: Account, sockets: Path) -> Running:
        process = self._process
        _wait(
            lambda: (
                (process is not None and process.poll() is not None)
                or ((seen := read_running(self._cluster)) is not None and seen.is_ready)
            ),
            failing=lambda: f"PostgreSQL did not start; see {self._log}",
        )
        running = read_running(self._cluster)
        if running is None:
            raise EmbeddedPostgresError(f"PostgreSQL did not start:\n{_tail(self._log)}")
        psql = account.command(
            *(bindir / "psql", "-X", "-At", "-h", sockets, "-p", "5432"),
            *("-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c"),
        )
        asked = f"select 1 from pg_database where datname = '{DATABASE}'"  # noqa: S608 - our constant
        if not _run("psql", [*psql, asked]).strip():
            _run("psql", [*psql, f"create database {DATABASE}"])
        return running


def _url(sockets: Path) -> str:
    return f"postgresql+asyncpg://postgres@/{DATABASE}?host={quote(str(sockets), safe='/')}"


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


def _run(program: str, command: list[str]) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=_ENVIRONMENT,
        timeout=_START_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop fast; a server that will not stop is ended at once and recovers at its next start."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            return


def _wait(met: Callable[[], bool], *, failing: Callable[[], str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not met():
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(failing())
        time.sleep(0.01)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])
