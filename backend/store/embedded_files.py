"""Reads and guards the files around an embedded PostgreSQL: lock, pid file, socket folder.

It never starts or stops a server.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_LONGEST_SOCKET = 100  # the kernel allows 107 bytes, macOS 103
_PID_FILE_LINES = 8  # pid, data, start time, port, socket folder, address, memory, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A live server: where its socket is and whether it takes connections already."""

    pid: int
    socket_dir: Path
    is_ready: bool


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` for the body; the kernel frees it if we die."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> IO[str] | None:
    """Return an open file that holds the lock on `path` until closed, None if another holds it."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def read_running(cluster: Path) -> Running | None:
    """Return the live server of `cluster`, or None after clearing what a dead one left.

    A pid file may name a process that is alive but something else (after a reboot, or in a new
    container). PostgreSQL would refuse to start then, so such a file is removed here.
    """
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].isdigit():
        return None  # PostgreSQL itself replaces an empty file
    if not _serves(pid=int(lines[0]), cluster=cluster):
        _clear(cluster, lines)
        return None
    return Running(
        pid=int(lines[0]),
        socket_dir=Path(lines[4]) if len(lines) >= _PID_FILE_LINES else Path(),
        is_ready=len(lines) >= _PID_FILE_LINES and lines[7].strip() == "ready",
    )


def socket_folder(cluster: Path, *, give: Callable[[Path], None]) -> Path:
    """Return a private folder whose path is short enough for a socket, made if missing.

    Its name is a hash of the cluster's path. Raises `PermissionError` when somebody else made a
    folder of that name: our passwordless socket must not lie there.
    """
    name = "tsukibarai-" + hashlib.sha256(f"{os.geteuid()} {cluster}".encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / name
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > _LONGEST_SOCKET:
        folder = Path("/tmp") / name  # noqa: S108 - made 0700 and checked below
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if folder.is_symlink() or (os.geteuid() != 0 and found.st_uid != os.geteuid()):
        raise PermissionError(f"{folder} belongs to somebody else; remove it and start again.")
    give(folder)
    return folder


def _serves(*, pid: int, cluster: Path) -> bool:
    """Return whether `pid` is a live server of this very cluster."""
    if sys.platform == "linux":
        try:  # a server works inside its data folder; a zombie works nowhere
            return Path(f"/proc/{pid}/cwd").samefile(cluster)
        except OSError:
            return False
    said = subprocess.run(
        ["/bin/ps", "-o", "comm=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return "postgres" in said.stdout


def _clear(cluster: Path, lines: list[str]) -> None:
    """Remove the pid file and the socket's lock if a live stranger bears the number."""
    if not Path(f"/proc/{lines[0]}").exists():
        return  # a dead number: PostgreSQL checks more than we can and clears it itself
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    if len(lines) >= _PID_FILE_LINES and lines[4]:
        (Path(lines[4]) / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
