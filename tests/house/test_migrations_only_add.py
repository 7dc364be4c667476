"""A migration after the first takes nothing away that the processes of the version before still use (f69).

What must be taken away all the same says why, and why it is safe by now, in a comment `# contract: ...` above it.
"""

import ast
import re
from pathlib import Path

from tests.house.source_tree import ROOT, offenders, tree

_VERSIONS = ROOT / "backend" / "store" / "migrations" / "versions"
_TAKES_AWAY = {"drop_column", "drop_table", "rename_table"}
_CHANGES = {"type_", "new_column_name"}
_SQL = re.compile(
    r"\b(?:DROP\s+(?:TABLE|COLUMN|FUNCTION|TYPE|VIEW)|RENAME\s+(?:TO|COLUMN)|TRUNCATE|DELETE\s+FROM"
    r"|ALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+NOT\s+NULL|TYPE|SET\s+DATA\s+TYPE))\b",
    flags=re.IGNORECASE,
)
_REASON = re.compile(r"#\s*contract: \S.{20,}")


def test_f69_what_a_migration_takes_away_has_a_reason_beside_it() -> None:
    later = sorted(path for path in _VERSIONS.glob("*.py") if not path.name.startswith("0001_"))

    assert later
    assert offenders(later, _unexplained) == {}, "only add (expand), or say `# contract: why this is safe by now`"


def test_f69_what_takes_something_away_is_recognised(tmp_path: Path) -> None:
    steps = {
        'op.drop_column("bill", "amount")': True,
        'op.drop_table("bill")': True,
        'op.rename_table("bill", "invoice")': True,
        'op.alter_column("bill", "amount", nullable=False)': True,
        'op.alter_column("bill", "amount", type_=sa.Text())': True,
        'op.alter_column("bill", "amount", nullable=True)': False,
        'op.add_column("bill", sa.Column("note", sa.Text(), nullable=False))': True,
        'op.add_column("bill", sa.Column("note", sa.Text(), nullable=True))': False,
        'op.add_column("bill", sa.Column("n", sa.Text(), nullable=False, server_default="x"))': False,
        'op.execute("ALTER TABLE bill ALTER COLUMN amount TYPE text")': True,
        'op.execute("ALTER TABLE bill ALTER amount SET NOT NULL")': True,
        'op.execute("DROP TRIGGER old ON bill")': False,
        '# contract: nobody has read this table since the version before\n    op.drop_table("bill")': False,
    }
    for number, (step, is_refused) in enumerate(steps.items()):
        migration = tmp_path / f"{number}.py"
        migration.write_text(f"def upgrade():\n    {step}\n")

        assert bool(_unexplained(migration)) == is_refused, step


def _unexplained(path: Path) -> list[int]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in _contractions(path) if not _REASON.search("\n".join(lines[max(0, line - 3) : line]))]


def _contractions(path: Path) -> list[int]:
    new_tables = {_first(call) for call in _calls(path) if _name(call) == "create_table"}
    in_code = [call.lineno for call in _calls(path) if _takes_away(call) and _first(call) not in new_tables]
    in_sql = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value)
    ]
    return sorted({*in_code, *in_sql})


def _calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).removeprefix("op.")


def _first(call: ast.Call) -> str:
    return ast.unparse(call.args[0]) if call.args else ""


def _takes_away(call: ast.Call) -> bool:
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    match _name(call):
        case "alter_column":
            return given.get("nullable") == "False" or bool(_CHANGES & set(given))
        case "add_column":
            return any(_demands_a_value(argument) for argument in call.args[1:])
        case name:
            return name in _TAKES_AWAY


def _demands_a_value(column: ast.expr) -> bool:
    if not isinstance(column, ast.Call):
        return False
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
    return given.get("nullable") == "False" and not {"server_default", "autoincrement"} & set(given)
