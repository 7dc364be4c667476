"""Every mutant still fits the product, names tests that exist, and is explained in docs/mutants.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source_tree import ROOT, tree
from tests.mutants.mutant import Mutant, load_catalogue, mutated

_MUTANTS = load_catalogue()


@pytest.mark.parametrize("mutant", _MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_product_and_is_still_python(mutant: Mutant) -> None:
    for file, text in mutated(mutant, root=ROOT).items():
        assert text != (ROOT / file).read_text(encoding="utf-8")
        assert ast.parse(text)


def test_no_mutant_uses_a_name_that_nobody_knows(tmp_path: Path) -> None:
    """Such a mutant would be caught for its own mistake, behind a door that logs it."""
    for mutant in _MUTANTS:
        for file, text in mutated(mutant, root=ROOT).items():
            copy = tmp_path / mutant.name / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")

    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "F821",
        "--output-format",
        "concise",
        ".",
    ]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert said.returncode == 0, said.stdout


def test_every_test_that_a_mutant_names_exists() -> None:
    named = {test for mutant in _MUTANTS for test in mutant.tests}

    assert {test for test in named if not _exists(test)} == set()


def test_every_mutant_is_explained_with_its_tests_and_no_other() -> None:
    text = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\d\d_\w+)` \| \S.*? \| (.+?) \| (.+) \|$", text, flags=re.MULTILINE)
    explained = {name: (breaks, set(re.findall(r"`(test_\w+)`", tests))) for name, breaks, tests in rows}

    assert explained == {
        mutant.name: (mutant.breaks, {_function(test) for test in mutant.tests}) for mutant in _MUTANTS
    }


def _exists(test: str) -> bool:
    path = ROOT / test.partition("::")[0]
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return path.is_file() and any(
        isinstance(node, functions) and node.name == _function(test) for node in ast.walk(tree(path))
    )


def _function(test: str) -> str:
    return test.rpartition("::")[2].partition("[")[0]
