"""The lock file pins every direct dependency by hash and names no package index."""

import re
import tomllib

from tests.house.source_tree import ROOT

_LOCKS = ("requirements.lock", "scripts/bootstrap.lock")


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    wanted = {
        _name(requirement)
        for requirement in (*project["project"]["dependencies"], *(r for g in groups for r in g))
        if isinstance(requirement, str)
    }

    assert wanted - _locked("requirements.lock") == set(), "run `make lock`"


def test_the_build_back_end_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {_name(requirement) for requirement in project["build-system"]["requires"]}

    assert wanted <= _locked("scripts/bootstrap.lock")


def test_every_locked_package_has_a_hash() -> None:
    for lock in _LOCKS:
        entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())[1:]
        assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_lock_file_names_a_host() -> None:
    for lock in _LOCKS:
        assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", (ROOT / lock).read_text()) == []


def _locked(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==", (ROOT / lock).read_text(), re.MULTILINE))


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return found[0].lower().replace("_", "-").replace(".", "-")
