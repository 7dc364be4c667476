"""The project's own files, parsed, for the tests that watch over the house."""

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "backend", "bot", "scheduler", "emulators")
_Found = TypeVar("_Found")
_NEVER_OURS = {".venv", "var", ".git", "node_modules"}


def files(*suffixes: str, under: tuple[str, ...] = ("",)) -> list[Path]:
    """Return the tracked files with these suffixes below the named folders, sorted."""
    return sorted(
        path
        for path in _tracked()
        if path.suffix in suffixes
        and any(path.is_relative_to(ROOT / folder) for folder in under)
        and "migrations/versions" not in path.as_posix()
    )


def shown(path: Path) -> str:
    """Return the path as people write it: from the project's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each import of a file: the module and the names taken from it (none for `import`)."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, tuple(alias.name for alias in node.names)


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each string of a file with its line, docstrings excepted."""
    nodes = list(ast.walk(tree(path)))
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


def offenders(paths: Iterable[Path], search: Callable[[Path], list[_Found]]) -> dict[str, list[_Found]]:
    """Return what `search` finds, by file; files in which it finds nothing are left out."""
    return {shown(path): found for path in paths if (found := search(path))}


@cache
def _tracked() -> tuple[Path, ...]:
    said = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    if said.returncode == 0:
        found = [ROOT / name for name in said.stdout.split("\0") if name]
        return tuple(path for path in found if path.is_file())
    everything = (path for path in ROOT.rglob("*") if path.is_file())
    return tuple(path for path in everything if not _NEVER_OURS & set(path.relative_to(ROOT).parts))
