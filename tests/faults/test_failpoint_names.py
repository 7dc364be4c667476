"""The list of crash places and the code agree: none is named that nobody can die at, none exists without a name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import SettingsRefusedError, load_settings
from backend.failpoints import NAMES, UnknownFailpointError, arm, parse_failpoints

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "backend", "bot", "scheduler")


def placed() -> Iterator[str]:
    """The first words of every call of failpoint()."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
                    yield from (
                        each.value
                        for each in ast.walk(node.args[0])
                        if isinstance(each, ast.Constant) and isinstance(each.value, str)
                    )


def test_every_named_failpoint_is_somewhere_in_the_code_and_every_one_there_is_named() -> None:
    assert set(placed()) == NAMES


def test_the_setting_names_places_and_how_often_they_are_passed() -> None:
    wanted = parse_failpoints("after-capture:3, after-push")

    assert wanted == {"after-capture": 3, "after-push": 1}


@pytest.mark.parametrize("words", ["after-lunch", "after-capture:0", "after-capture:soon", "after-capture:-1"])
def test_a_failpoint_that_is_nowhere_stops_the_start(words: str) -> None:
    with pytest.raises(SettingsRefusedError, match="FAILPOINTS"):
        load_settings(failpoints=words)


def test_no_other_name_can_be_armed() -> None:
    with pytest.raises(UnknownFailpointError):
        arm("after-lunch")


def test_production_refuses_failpoints() -> None:
    with pytest.raises(SettingsRefusedError, match="FAILPOINTS kills processes on purpose"):
        load_settings(environment="production", failpoints="after-capture")
