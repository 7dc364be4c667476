"""A table that leaves the system is whole or not there."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from app.export import whole_table


def write(out: Path, *, rows: Iterable[list[object]]) -> None:
    with whole_table(out, header=["number", "yen"], last_word="end") as table:
        for row in rows:
            table.add(row)


def broken_off() -> Iterator[list[object]]:
    yield ["0012345678", 1]
    raise ConnectionError("the database went away")


def rows_of(out: Path) -> list[list[str]]:
    return list(csv.reader(out.read_text(encoding="utf-8-sig").splitlines()))


def test_f70_a_table_appears_whole_or_not_at_all_and_says_how_many_rows_it_has(tmp_path: Path) -> None:
    out = tmp_path / "month.csv"
    write(out, rows=[["0012345678", 8432], ["0087654321", 9120]])
    before = rows_of(out)

    with pytest.raises(ConnectionError):
        write(out, rows=broken_off())

    assert before == [["number", "yen"], ["0012345678", "8432"], ["0087654321", "9120"], ["end", "2"]]
    assert rows_of(out) == before
    assert [file.name for file in tmp_path.iterdir()] == ["month.csv"]


def test_f70_a_table_without_rows_says_so(tmp_path: Path) -> None:
    write(tmp_path / "month.csv", rows=[])

    assert rows_of(tmp_path / "month.csv") == [["number", "yen"], ["end", "0"]]
