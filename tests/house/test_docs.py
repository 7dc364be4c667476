"""What the documents point at exists: links, headings, commands, tests, and every kind of task for people."""

import ast
import re
from pathlib import Path
from urllib.parse import unquote

import typer.main

from app.__main__ import cli
from tests.house.source_tree import ROOT, files, offenders, tree

_LINK = re.compile(r"(?:\]\(|\bsrc=\"|\bhref=\")(?!https?:|mailto:)([^)\"\s]+)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", flags=re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", flags=re.MULTILINE)
_TARGET = re.compile(r"^([a-z]+):", flags=re.MULTILINE)
_TASK_IN_SQL = re.compile(r"INSERT INTO staff_task.*?SELECT '(\w+)'", flags=re.DOTALL)


def test_every_link_leads_somewhere() -> None:
    assert offenders(files(".md"), _dead_links) == {}


def test_every_make_target_in_the_documents_exists() -> None:
    known = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))

    assert offenders(files(".md"), lambda path: _unknown(path, r"\bmake ([a-z]+)\b", known)) == {}


def test_every_command_in_the_documents_exists() -> None:
    known = set(getattr(typer.main.get_command(cli), "commands", {}))

    assert offenders(files(".md"), lambda path: _unknown(path, r"\btsukibarai ([a-z][a-z-]*)\b", known)) == {}


def test_every_test_named_in_the_documents_exists() -> None:
    names = {path.stem for path in files(".py", under=("tests",))} | {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert offenders(files(".md"), lambda path: _unknown(path, r"\b(test_\w+)", names)) == {}


def test_every_kind_of_task_for_people_is_explained_and_no_other() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text.split("## What waits for people")[1].split("\n## ")[0]

    explained = re.findall(r"^\| `(\w+)` \| \S", chapter, flags=re.MULTILINE)

    assert sorted(explained) == sorted(
        {kind for path in files(".py", under=("backend", "bot")) for kind in _kinds(path)}
    )


def _dead_links(path: Path) -> list[str]:
    text = _CODE.sub("", path.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not _leads_somewhere(path, unquote(link))]


def _leads_somewhere(path: Path, link: str) -> bool:
    place, _, fragment = link.partition("#")
    target = (path.parent / place).resolve() if place else path
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not fragment or fragment in _anchors(target)


def _anchors(path: Path) -> set[str]:
    """The names that headings get on the usual hosts: lower case, blanks to hyphens, no punctuation."""
    headings = _HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _unknown(path: Path, pattern: str, known: set[str]) -> list[str]:
    code = "\n".join(_CODE.findall(path.read_text(encoding="utf-8")))
    return [name for name in re.findall(pattern, code) if name not in known]


def _kinds(path: Path) -> set[str]:
    """The kinds that a file gives to whatever tells the staff, in a call or in SQL."""
    values = [
        keyword.value
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("raise_task", "_staff"))
        for keyword in call.keywords
        if keyword.arg == "kind"
    ]
    named = {part.value for value in values for part in ast.walk(value) if isinstance(part, ast.Constant)}
    return named | set(_TASK_IN_SQL.findall(path.read_text(encoding="utf-8")))
