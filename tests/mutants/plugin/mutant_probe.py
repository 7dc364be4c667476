"""A pytest plugin that writes down how tests ended: by an assertion or otherwise, and whose modules were imported.

Stands in a folder of its own, so that a run inside a copy can load it without seeing the rest of the checkout.
"""

import json
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

_OURS = pytest.StashKey["_Notes"]()


class _Notes:
    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[dict[str, str]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutant-report", type=Path, required=True, help="where to write the notes, as JSON")
    parser.addoption("--mutant-packages", default="", help="packages that must come from the root, by commas")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_OURS] = _Notes()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    notes = item.config.stash[_OURS]
    if call.excinfo is not None:
        notes.failed.append({"test": item.nodeid, "phase": call.when, **_reason(call.excinfo.value)})
    elif call.when == "call":
        notes.passed.append(item.nodeid)
    return report


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any], report: pytest.CollectReport | pytest.TestReport
) -> None:
    if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
        reason = _reason(call.excinfo.value)
        node.config.stash[_OURS].failed.append({"test": node.nodeid, "phase": "collect", **reason})


def pytest_sessionfinish(session: pytest.Session) -> None:
    notes = session.config.stash[_OURS]
    packages = set(session.config.getoption("--mutant-packages").split(",")) - {""}
    strangers = sorted(_strangers(packages, session.config.rootpath))
    told = {"passed": notes.passed, "failed": notes.failed, "strangers": strangers}
    session.config.getoption("--mutant-report").write_text(json.dumps(told), encoding="utf-8")


def _reason(error: BaseException) -> dict[str, str]:
    words = str(error).strip().splitlines() or [""]
    kind = "assertion" if _is_assertion(error) else type(error).__name__
    return {"kind": kind, "words": words[0][:200]}


def _is_assertion(error: BaseException) -> bool:
    """Also a `pytest.raises` that waited in vain, and an assertion inside a group of tasks."""
    if isinstance(error, BaseExceptionGroup):
        return any(_is_assertion(each) for each in error.exceptions)
    return isinstance(error, AssertionError | pytest.fail.Exception)


def _strangers(packages: set[str], root: Path) -> Iterator[str]:
    """Modules of ours that do not come from the copy: then the mutant would not be tested at all."""
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in packages}
    yield from (f"{name} is not imported at all" for name in packages - loaded.keys())
    for name, module in loaded.items():
        file = getattr(module, "__file__", None)
        if file and not Path(file).resolve().is_relative_to(root.resolve()):
            yield f"{name} comes from {file}"
