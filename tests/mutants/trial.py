"""Runs a mutant's tests inside its copy of the project and says whether they noticed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

_PLUGIN = Path(__file__).with_name("plugin")
_SECONDS = 300  # a mutant that hangs has not been noticed by an assertion


class Verdict(StrEnum):
    """What became of a mutant (or, `passed`, of the unbroken copy)."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"  # proves nothing: it does not apply, import or end, or fails otherwise than by an assertion
    PASSED = "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict and the reason in one line."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where tests run: a copy, the packages that must come from it, a folder for notes, more environment."""

    copy: Path
    packages: tuple[str, ...]
    notes: Path
    environment: Mapping[str, str]


def try_mutant(place: Place, tests: Sequence[str]) -> Finding:
    """Whether the first of these tests that fails does so by an assertion."""
    told = _run(place, tests, stop_early=True)
    if isinstance(told, str):
        return Finding(verdict=Verdict.BROKEN, reason=told)
    if not told["failed"]:
        return Finding(verdict=Verdict.SURVIVED, reason=f"all {len(told['passed'])} tests pass")
    first = told["failed"][0]
    reason = f"{first['test'].rpartition('::')[2]}: {first['words']}"
    if first["kind"] == "assertion" and first["phase"] in {"call", "teardown"}:
        return Finding(verdict=Verdict.CAUGHT, reason=reason)
    return Finding(verdict=Verdict.BROKEN, reason=f"{first['kind']} in {first['phase']}, no assertion: {reason}")


def try_unbroken(place: Place, tests: Sequence[str]) -> Finding:
    """Whether every test passes in a copy that is not broken: without that a failing test proves nothing."""
    told = _run(place, tests, stop_early=False)
    if isinstance(told, str):
        return Finding(verdict=Verdict.BROKEN, reason=told)
    if told["failed"]:
        count, first = len(told["failed"]), told["failed"][0]
        reason = f"{count} fail, such as {first['test']} ({first['phase']}): {first['kind']} {first['words']}"
        return Finding(verdict=Verdict.BROKEN, reason=reason)
    return Finding(verdict=Verdict.PASSED, reason=f"{len(told['passed'])} tests")


def _run(place: Place, tests: Sequence[str], *, stop_early: bool) -> dict[str, Any] | str:
    """What the probe noted; a sentence when there is nothing that could be believed."""
    report = place.notes / f"{place.copy.name}.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", "mutant_probe"]
    command += [f"--rootdir={place.copy}", f"--mutant-report={report}", f"--mutant-packages={','.join(place.packages)}"]
    command += [*(["-x"] if stop_early else []), *tests]
    try:
        said = subprocess.run(
            command,
            cwd=place.copy,
            env={**_outer_environment(), **place.environment, "PYTHONPATH": f"{place.copy}{os.pathsep}{_PLUGIN}"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {_SECONDS} s"
    if not report.exists():
        return f"pytest ended with {said.returncode}: {(said.stdout + said.stderr).strip()[-500:]}"
    told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    did_not_begin = bool(told["failed"]) and told["failed"][0]["phase"] == "collect"
    if told["strangers"] and not did_not_begin:
        return "; ".join(told["strangers"][:3])
    if not told["failed"] and (said.returncode != 0 or not told["passed"]):
        return f"pytest ended with {said.returncode}: {said.stdout.strip()[-500:]}"
    return told


def _outer_environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - what a process inherits, for one that we start
