"""`make mutants`: break the product in copies of it, and see that the tests notice each time.

    python -m tests.mutants [NAME ...]

A NAME is a part of a mutant's name. Exit status 1: a mutant survived, or proved nothing.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.kit.databases import postgres_server
from tests.mutants.mutant import load_catalogue
from tests.mutants.session import Session
from tests.mutants.trial import Finding

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("app", "backend", "bot", "scheduler", "emulators", "tests")
_JOBS = 2
# Of all the installed plugins these tests need one; the others would take a third of the time.
_FEW_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_asyncio.plugin"}


def main(names: list[str]) -> int:
    """Run the mutants, all or those that are named; returns the exit status."""
    mutants = [each for each in load_catalogue() if not names or any(name in each.name for name in names)]
    if not mutants:
        _say("no mutant has such a name")
        return 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, postgres_server(Path(folder, "postgres")) as url:
        session = Session(
            root=_ROOT,
            folder=Path(folder),
            packages=_PACKAGES,
            jobs=_JOBS,
            environment={"TEST_DATABASE_URL": url, **_FEW_PLUGINS},
            tell=_tell,
        )
        caught = session.run(mutants)
    _say(f"caught {caught}/{len(mutants)} in {time.monotonic() - started:.0f} s")
    return 0 if caught == len(mutants) else 1


def _tell(name: str, finding: Finding) -> None:
    _say(f"{finding.verdict:8}  {name:34}  {finding.reason}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
