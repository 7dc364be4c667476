"""Copies of the project in which mutants live: never the checkout itself."""

import shutil
import subprocess
from pathlib import Path

from tests.mutants.mutant import Mutant, mutated

_NEVER = {".venv", "var", ".git", "node_modules", "__pycache__"}


def copy_project(root: Path, *, to: Path) -> None:
    """Copy what git knows or would add, as it is now; without git everything that is not made by machines."""
    for path in _project_files(root):
        target = to / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, target)


def copy_with_mutant(base: Path, mutant: Mutant, *, to: Path) -> None:
    """Copy a copy, with its compiled modules, and break it.

    Raises:
        StaleMutantError: the mutant does not fit the project any more.
    """
    texts = mutated(mutant, root=base)
    shutil.copytree(base, to, symlinks=True)
    for file, text in texts.items():
        path = to / file
        path.write_text(text, encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()  # it could look fresh: the same size within the same second


def _project_files(root: Path) -> list[Path]:
    command = ["/usr/bin/env", "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    if said.returncode == 0:
        found = sorted({Path(name) for name in said.stdout.split("\0") if name})
        return [path for path in found if (root / path).is_file()]
    everything = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path for path in everything if not _NEVER & set(path.parts))
