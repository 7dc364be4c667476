"""Each outside library has one home, and the rules know no outside world at all."""

import ast
import re
import sys
from pathlib import Path

from tests.house.source_tree import PACKAGES, files, imports, offenders, shown, strings, tree

_HOMES = {
    "linebot": r"bot/channels/line(_\w+)?\.py",
    "twilio": r"bot/channels/sms(_\w+)?\.py",
    "sqlalchemy": r"backend/store/.*",
    "alembic": r"backend/store/.*",
    "asyncpg": r"backend/store/.*",
    "apscheduler": r"scheduler/.*",
    "typer": r"app/.*",
    "pydantic_settings": r"app/settings\.py",
}
# Callers name the connection they pass on; the statements are the store's.
_HANDLES = {"AsyncConnection", "AsyncEngine", "AsyncSession"}
_INPUT_AND_OUTPUT = {
    *("asyncio", "concurrent", "ftplib", "glob", "http", "io", "logging", "multiprocessing", "os"),
    *("pathlib", "select", "selectors", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl"),
    *("subprocess", "tempfile", "threading"),
}
_PURE = re.compile(r"backend/domain/|bot/dialogue")
_STATEMENT = re.compile(r"\s*(SELECT\s.*\sFROM|INSERT\s+INTO|UPDATE\s.*\sSET|DELETE\s+FROM)\s", re.DOTALL)
# These write the values of our own enums into checks and partial indexes: never a caller's value.
_FROM_ENUMS = {"quoted", "one_of"}


def test_a_library_is_imported_only_in_its_home() -> None:
    found = offenders(files(".py", under=PACKAGES), _strangers)

    assert found == {}, "the home of each library is listed in this test"


def test_the_rules_and_the_dialogue_import_no_outside_world() -> None:
    pure = [path for path in files(".py", under=PACKAGES) if _PURE.match(shown(path))]

    found = offenders(pure, _impure_imports) | offenders(pure, _waits)

    assert found == {}


def test_no_channel_knows_another() -> None:
    found = offenders(files(".py", under=("bot/channels",)), _other_channels)

    assert found == {}


def test_sql_is_never_put_together_from_values() -> None:
    found = offenders(files(".py", under=PACKAGES), _glued_statements)

    assert found == {}, "bind values as parameters"


def test_sql_is_written_in_the_store_only() -> None:
    outside = [path for path in files(".py", under=PACKAGES) if not shown(path).startswith("backend/store/")]

    found = offenders(outside, _statements)

    assert found == {}


def _strangers(path: Path) -> list[str]:
    return [
        module
        for module, names in imports(path)
        if (home := _HOMES.get(module.partition(".")[0]))
        and not re.fullmatch(home, shown(path))
        and not (module == "sqlalchemy.ext.asyncio" and names and set(names) <= _HANDLES)
    ]


def _impure_imports(path: Path) -> list[str]:
    allowed = sys.stdlib_module_names - _INPUT_AND_OUTPUT
    ours = ("backend.domain",) if shown(path).startswith("backend/") else ("backend.domain", "bot")
    return [
        module for module, _ in imports(path) if module.partition(".")[0] not in allowed and not module.startswith(ours)
    ]


def _waits(path: Path) -> list[int]:
    waiting = ast.Await | ast.AsyncFor | ast.AsyncWith | ast.AsyncFunctionDef
    return [node.lineno for node in ast.walk(tree(path)) if isinstance(node, waiting)]


def _other_channels(path: Path) -> list[str]:
    own = path.stem.partition("_")[0]
    named = (
        (module, name)
        for module, names in imports(path)
        if module.startswith("bot.channels")
        for name in (module.split(".")[2:3] or names)
    )
    return [f"{module} {name}" for module, name in named if name.partition("_")[0] != own]


def _glued_statements(path: Path) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"text", "exec_driver_sql"}
        and any(_is_glued(word) for word in node.args)
    ]


def _is_glued(word: ast.expr) -> bool:
    if isinstance(word, ast.BinOp):
        return True
    filled = [part.value for part in ast.walk(word) if isinstance(part, ast.FormattedValue)]
    return any(not _is_ours(part) for part in filled)


def _is_ours(part: ast.expr) -> bool:
    """Values of our own enums, or a condition that several statements share: a constant, never a caller's value."""
    if isinstance(part, ast.Name):
        return part.id.isupper()
    return isinstance(part, ast.Call) and ast.unparse(part.func) in _FROM_ENUMS


def _statements(path: Path) -> list[tuple[int, str]]:
    return [(line, text) for line, text in strings(path) if _STATEMENT.match(text)]
