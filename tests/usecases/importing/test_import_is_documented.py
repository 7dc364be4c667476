"""docs/import.md lists exactly what is accepted."""

from pathlib import Path

from backend.usecases.bill_file.header import ColumnNames, column_names

_PAGE = Path(__file__).parents[3] / "docs" / "import.md"


def test_the_table_of_columns_is_the_one_that_is_used() -> None:
    page = _PAGE.read_text(encoding="utf-8")
    table = page.partition("<!-- columns: begin -->\n")[2].partition("<!-- columns: end -->")[0]

    expected = [_row(column.value, names) for column, names in column_names().items()]

    assert table.splitlines()[2:] == expected


def _row(key: str, names: ColumnNames) -> str:
    optional = "(任意)" if names.is_optional else ""
    return f"| {names.label}{optional} | `{key}` | {'、'.join(names.aliases)} |"
