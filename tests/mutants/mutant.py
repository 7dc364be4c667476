"""Deliberately broken variants of the product: each breaks one guarantee and names the tests that must notice."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

CATALOGUE = Path(__file__).with_name("catalogue")


class StaleMutantError(Exception):
    """The text that a mutant changes is not in the product any more (or more than once): renew the mutant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change: `old` stands exactly once in `file` (seen from the project's root) and becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One broken variant. `breaks` is the guarantee in words, `tests` are pytest's names of those that catch it."""

    name: str
    breaks: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]


def load_catalogue(folder: Path = CATALOGUE) -> list[Mutant]:
    """Every mutant, in the order of the file names."""
    return [_load(path) for path in sorted(folder.glob("*.toml"))]


def _load(path: Path) -> Mutant:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return Mutant(
        name=path.stem,
        breaks=data["breaks"],
        tests=tuple(data["tests"]),
        edits=tuple(Edit(**edit) for edit in data["edits"]),
    )


def mutated(mutant: Mutant, *, root: Path) -> dict[str, str]:
    """The new text of every file that the mutant changes; writes nothing.

    Raises:
        StaleMutantError: an old text is gone, or stands there more than once.
    """
    texts: dict[str, str] = {}
    for edit in mutant.edits:
        path = root / edit.file
        if not path.is_file():
            raise StaleMutantError(f"{mutant.name}: {edit.file} is gone")
        text = texts.get(edit.file) or path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise StaleMutantError(f"{mutant.name}: stands {text.count(edit.old)} times in {edit.file}: {edit.old!r}")
        texts[edit.file] = text.replace(edit.old, edit.new)
    return texts
