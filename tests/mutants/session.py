"""One run over many mutants: the unbroken copy first, then each mutant in a copy of its own, some at a time."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant, StaleMutantError
from tests.mutants.trees import copy_project, copy_with_mutant
from tests.mutants.trial import Finding, Place, Verdict, try_mutant, try_unbroken


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a run needs: the project, a folder of its own, how many at a time, and whom to tell of each result."""

    root: Path
    folder: Path
    packages: tuple[str, ...]
    jobs: int
    environment: Mapping[str, str]
    tell: Callable[[str, Finding], None]

    def run(self, mutants: Sequence[Mutant]) -> int:
        """Try every mutant; returns how many were caught. None is tried when the unbroken copy fails a test."""
        base = self.folder / "unbroken"
        copy_project(self.root, to=base)
        with ThreadPoolExecutor(max_workers=self.jobs) as lanes:
            whole = list(lanes.map(lambda tests: self._try_unbroken(base, tests), _shares(mutants, self.jobs)))
            if any(finding.verdict is not Verdict.PASSED for finding in whole):
                return 0
            findings = lanes.map(lambda mutant: self._try_one(base, mutant), mutants)
            return sum(finding.verdict is Verdict.CAUGHT for finding in findings)

    def _try_unbroken(self, base: Path, share: tuple[int, list[str]]) -> Finding:
        number, tests = share
        notes = self.folder / f"notes-{number}"
        notes.mkdir()
        finding = try_unbroken(self._place(base, notes), tests)
        self.tell("(unbroken)", finding)
        return finding

    def _try_one(self, base: Path, mutant: Mutant) -> Finding:
        copy = self.folder / mutant.name
        try:
            copy_with_mutant(base, mutant, to=copy)
        except StaleMutantError as problem:
            finding = Finding(verdict=Verdict.BROKEN, reason=str(problem))
        else:
            finding = try_mutant(self._place(copy, self.folder), mutant.tests)
            shutil.rmtree(copy)
        self.tell(mutant.name, finding)
        return finding

    def _place(self, copy: Path, notes: Path) -> Place:
        return Place(copy=copy, packages=self.packages, notes=notes, environment=self.environment)


def _shares(mutants: Sequence[Mutant], jobs: int) -> list[tuple[int, list[str]]]:
    """Every named test once, dealt out file by file, so that a file's fixtures are set up once."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    files = sorted({test.partition("::")[0] for test in tests})
    dealt = [{file for at, file in enumerate(files) if at % jobs == lane} for lane in range(jobs)]
    shares = [[test for test in tests if test.partition("::")[0] in lane] for lane in dealt]
    return [(number, share) for number, share in enumerate(shares) if share]
