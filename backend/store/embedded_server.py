"""Runs PostgreSQL's programs on one cluster; whether they may run is decided in `embedded`."""

import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backend.store.embedded_account import Account
from backend.store.embedded_binaries import major_version

DATABASE = "tsukibarai"
_FIRST_BUILTIN_LOCALE = 17  # the version from which C.UTF-8 no longer needs the C library's
_RUN_SECONDS = 60
_STOP_SECONDS = 30
_LOG_BYTES = 10_000_000
# A fresh environment: PGDATA, PGPORT, LD_LIBRARY_PATH of the caller must not reach the server.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL could not be used; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The programs in `bindir`, run as `account` on `cluster`; the log lies beside it."""

    bindir: Path
    account: Account
    cluster: Path

    def create(self) -> None:
        """Make the cluster beside its place and move it in whole: no half cluster can be left."""
        fresh = self.cluster.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        self.account.give(fresh)
        who = ("--username=postgres", "--auth-local=trust", "--auth-host=reject")
        self._run("initdb", "-D", fresh, "-E", "UTF8", *who, *self._locale())
        fresh.rename(self.cluster)

    def spawn(self, *, sockets: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the server and return its process without waiting; `settings` win over ours."""
        chosen = {
            "listen_addresses": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **settings,
            "unix_socket_directories": f'"{sockets}"',
        }
        options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        self._turn_log_over()
        with self._log().open("ab") as log:
            return subprocess.Popen(
                self.account.command(self.bindir / "postgres", "-D", self.cluster, *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
                # Ctrl-C in the terminal must reach the program, which stops the server last.
                start_new_session=True,
            )

    def create_database(self, *, sockets: Path) -> None:
        """Create our database in the running server if it is missing."""
        psql = ("-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", sockets, "-p", "5432", "-U", "postgres")
        databases = self._run("psql", *psql, "-d", "postgres", "-c", "select datname from pg_database")
        if DATABASE not in databases.split():
            self._run("psql", *psql, "-d", "postgres", "-c", f"create database {DATABASE}")

    def last_words(self) -> str:
        """Return the end of the server's log, for the person who must act on it."""
        return "\n".join(self._log().read_text(errors="replace").splitlines()[-8:])

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        """Stop fast; a server that will not stop is ended at once and recovers later."""
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                process.send_signal(sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
                return

    def _locale(self) -> tuple[str, ...]:
        """Return the options that sort by code point in every version, on every machine."""
        if major_version(self.bindir) >= _FIRST_BUILTIN_LOCALE:
            return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        return ("--locale=C.UTF-8",)

    def _log(self) -> Path:
        return self.cluster.with_suffix(".log")

    def _turn_log_over(self) -> None:
        if self._log().exists() and self._log().stat().st_size > _LOG_BYTES:
            self._log().replace(self.cluster.with_suffix(".log.1"))

    def _run(self, program: str, *words: str | Path) -> str:
        done = subprocess.run(
            self.account.command(self.bindir / program, *words),
            capture_output=True,
            text=True,
            env=_ENVIRONMENT,
            timeout=_RUN_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout
