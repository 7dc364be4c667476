"""The runner believes nothing that it has not seen: a survivor is told as a survivor, a broken mutant as broken."""

from pathlib import Path

import pytest

from tests.mutants.__main__ import main
from tests.mutants.mutant import Edit, Mutant, StaleMutantError, load_catalogue, mutated
from tests.mutants.session import Session
from tests.mutants.trees import copy_project
from tests.mutants.trial import Finding, Verdict

_SHOP = """def price(amount):
    return max(amount, 50)
"""
_BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the shop needs none of our plugins
_TESTS = """import pytest

from shop import price


@pytest.fixture
def nothing_hangs():
    yield
    assert price(70) != 71, "seen at the end"


def test_a_price_has_a_floor():
    assert price(10) == 50


def test_a_price_is_a_number():
    assert isinstance(price(10), int | None)


def test_a_price_is_kept(nothing_hangs):
    price(70)


def test_waits_in_vain():
    with pytest.raises(TypeError):
        price("x")


def test_fails_without_any_mutant():
    assert False, "always"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of one module, with tests."""
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text(_SHOP)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = ''\n")
    (root / "test_shop.py").write_text(_TESTS)
    return root


def broken(new: str, *tests: str, old: str = "max(amount, 50)") -> Mutant:
    return Mutant(
        name="mutant",
        breaks="the floor",
        tests=tuple(f"test_shop.py::{test}" for test in tests),
        edits=(Edit(file="shop/__init__.py", old=old, new=new),),
    )


def results(shop: Path, mutant: Mutant) -> list[tuple[str, Verdict, str]]:
    told: list[tuple[str, Verdict, str]] = []

    def tell(name: str, finding: Finding) -> None:
        told.append((name, finding.verdict, finding.reason))

    session = Session(root=shop, folder=shop.parent, packages=("shop",), jobs=1, environment=_BARE, tell=tell)
    assert session.run([mutant]) == sum(verdict is Verdict.CAUGHT for _, verdict, _ in told)
    return told


@pytest.mark.parametrize(
    ("new", "test", "reason"),
    [
        ("amount", "test_a_price_has_a_floor", "assert 10 == 50"),
        ("amount + 1", "test_a_price_is_kept", "seen at the end"),
        ("50", "test_waits_in_vain", "DID NOT RAISE"),
    ],
)
def test_a_mutant_is_caught_by_a_failing_assertion(shop: Path, new: str, test: str, reason: str) -> None:
    unbroken, (name, verdict, said) = results(shop, broken(new, test))

    assert unbroken[:2] == ("(unbroken)", Verdict.PASSED)
    assert (name, verdict) == ("mutant", Verdict.CAUGHT)
    assert reason in said
    assert (shop / "shop" / "__init__.py").read_text() == _SHOP


def test_a_mutant_that_no_test_notices_is_told_as_a_survivor(shop: Path) -> None:
    _, (_, verdict, said) = results(shop, broken("amount", "test_a_price_is_a_number"))

    assert (verdict, said) == (Verdict.SURVIVED, "all 1 tests pass")


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("max(amount, 50", "CollectError in collect"),
        ("amount / 0", "ZeroDivisionError in call"),
    ],
)
def test_a_mutant_that_does_not_import_or_falls_over_proves_nothing(shop: Path, new: str, reason: str) -> None:
    _, (_, verdict, said) = results(shop, broken(new, "test_a_price_has_a_floor"))

    assert verdict is Verdict.BROKEN
    assert reason in said


@pytest.mark.parametrize("old", ["min(amount, 50)", "amount"])
def test_a_mutant_whose_text_is_gone_or_stands_twice_proves_nothing(shop: Path, old: str) -> None:
    mutant = broken("0", "test_a_price_has_a_floor", old=old)
    _, (_, verdict, _) = results(shop, mutant)

    assert verdict is Verdict.BROKEN
    with pytest.raises(StaleMutantError):
        mutated(mutant, root=shop)


@pytest.mark.parametrize("test", ["test_fails_without_any_mutant", "test_that_does_not_exist"])
def test_nothing_is_tried_when_the_unbroken_copy_does_not_pass(shop: Path, test: str) -> None:
    [(name, verdict, _)] = results(shop, broken("amount", test))

    assert (name, verdict) == ("(unbroken)", Verdict.BROKEN)


def test_modules_that_do_not_come_from_the_copy_prove_nothing(shop: Path) -> None:
    (shop / "test_shop.py").write_text("import json\n\n\ndef test_it():\n    assert json\n")
    told: list[Finding] = []
    session = Session(
        root=shop,
        folder=shop.parent,
        packages=("json",),
        jobs=1,
        environment=_BARE,
        tell=lambda _, finding: told.append(finding),
    )

    assert session.run([broken("amount", "test_it")]) == 0
    assert told[0].verdict is Verdict.BROKEN
    assert "json comes from" in told[0].reason


def test_a_copy_leaves_out_what_machines_made(shop: Path, tmp_path: Path) -> None:
    (shop / "var").mkdir()
    (shop / "var" / "data").write_text("1")

    copy_project(shop, to=tmp_path / "copy")

    assert (tmp_path / "copy" / "shop" / "__init__.py").read_text() == _SHOP
    assert not (tmp_path / "copy" / "var").exists()


def test_the_catalogue_has_at_least_the_variants_that_the_issue_names() -> None:
    assert len(load_catalogue()) >= 14


def test_a_name_that_no_mutant_has_is_not_a_success() -> None:
    assert main(["no such mutant"]) == 1
