"""The two commands as an operator meets them: words, files and exit statuses."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli_import import OpenEngine, import_bills_command, sample_command
from app.sample_bills import demo_rows, sample_header
from backend.store.engine import make_engine
from tests.kit.databases import cloned_database
from tests.usecases.importing.bill_files import NOW, line, read_file, write_file


@pytest.fixture
def open_engine(postgres: tuple[str, str]) -> Iterator[OpenEngine]:
    """A fresh database for commands that run an event loop of their own."""
    with asyncio.Runner() as runner:
        database = cloned_database(*postgres)
        url = runner.run(database.__aenter__())

        @asynccontextmanager
        async def opened() -> AsyncIterator[AsyncEngine]:
            engine = make_engine(url, pool_size=1)
            yield engine
            await engine.dispose()

        yield opened
        runner.run(database.__aexit__(None, None, None))


def test_a_refused_file_is_explained_and_ends_with_status_1(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, report = write_file(tmp_path, line(phone="123")), tmp_path / "report.json"

    status = import_bills_command(source=source, now=NOW, open_engine=open_engine, report=report)

    assert status == 1
    assert "2行目 携帯電話番号: 11桁の携帯電話番号で入力してください" in capsys.readouterr().out
    assert json.loads(report.read_text(encoding="utf-8"))["refusals"][0]["code"] == "not_a_mobile_phone"


def test_an_accepted_file_ends_with_status_0(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = import_bills_command(source=write_file(tmp_path, line()), now=NOW, open_engine=open_engine)

    assert status == 0
    assert "請求: 新規 1件、変更なし 0件、差し替え 0件" in capsys.readouterr().out


def test_json_output_is_nothing_but_json(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_bills_command(
        source=write_file(tmp_path, line()), now=NOW, open_engine=open_engine, dry_run=True, as_json=True
    )

    assert json.loads(capsys.readouterr().out)["bills"] == {"new": 1, "unchanged": 0, "amended": 0}


def test_a_missing_file_ends_with_status_2(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = import_bills_command(source=tmp_path / "none.csv", now=NOW, open_engine=open_engine)

    assert status == 2
    assert "ファイルを読めません" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_ends_with_status_2_before_anything_is_imported(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, nowhere = write_file(tmp_path, line()), tmp_path / "no folder" / "report.json"

    refused = import_bills_command(source=source, now=NOW, open_engine=open_engine, report=nowhere)
    again = import_bills_command(source=source, now=NOW, open_engine=open_engine, report=tmp_path / "report.json")

    assert (refused, again) == (2, 0)
    assert "結果ファイルを書き出せません" in capsys.readouterr().err
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["bills"]["new"] == 1


def test_a_report_that_is_lost_on_the_way_changes_nothing_about_the_import(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_file(tmp_path, line())

    status = import_bills_command(source=source, now=NOW, open_engine=open_engine, report=Path("/dev/full"))

    assert status == 0
    assert "取り込みの結果は変わりません" in capsys.readouterr().err


def test_an_older_report_stays_when_nothing_was_imported(open_engine: OpenEngine, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("older", encoding="utf-8")

    import_bills_command(source=tmp_path / "none.csv", now=NOW, open_engine=open_engine, report=report)

    assert report.read_text(encoding="utf-8") == "older"


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "UTF-8"), ("cp932", "CP932(Shift_JIS)")])
def test_f64_a_dry_run_shows_the_encoding_and_how_the_letters_read(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, encoding: str, shown: str
) -> None:
    source = write_file(tmp_path, line(amount="x"), line(), encoding=encoding)

    import_bills_command(source=source, now=NOW, open_engine=open_engine, dry_run=True)

    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"文字コード: {shown}"
    assert said[1].startswith("はじめの行: 山田 花子 様、東京都世田谷区桜1丁目2番3号")


def test_an_import_repeats_nobodys_name(
    open_engine: OpenEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, report = write_file(tmp_path, line()), tmp_path / "report.json"

    import_bills_command(source=source, now=NOW, open_engine=open_engine, dry_run=True, report=report)
    import_bills_command(source=source, now=NOW, open_engine=open_engine)

    assert "山田" not in report.read_text(encoding="utf-8")
    assert capsys.readouterr().out.count("山田") == 1


def test_samples_are_good_files_one_a_month(tmp_path: Path) -> None:
    status = sample_command(customers=60, months=3, start="2026-11", out=tmp_path, seed=1)

    files = sorted(tmp_path.iterdir())
    months = [read_file(file) for file in files]
    assert status == 0
    assert [file.name for file in files] == ["bills-2026-11.csv", "bills-2026-12.csv", "bills-2027-01.csv"]
    assert [(len(records), refusals) for records, refusals in months] == [(60, ())] * 3
    assert {record[7] for records, _ in months for record in records} == {"2026-11", "2026-12", "2027-01"}


def test_the_same_order_gives_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        sample_command(customers=30, months=1, start="2026-11", out=tmp_path / folder, seed=5)
    sample_command(customers=30, months=1, start="2026-11", out=tmp_path / "other", seed=6)

    one, two, other = ((tmp_path / name / "bills-2026-11.csv").read_bytes() for name in ("one", "two", "other"))
    assert one == two
    assert one != other


def test_the_demo_customers_are_twelve_people_with_three_months() -> None:
    rows = [dict(zip(sample_header(), row, strict=True)) for row in demo_rows(start="2026-11")]

    assert len(rows) == 36
    assert len({row["携帯電話番号"] for row in rows}) == 12
    assert {row["請求月"] for row in rows} == {"2026-11", "2026-12", "2027-01"}
    assert all(row["請求月"] < row["請求確定日"] < f"{row['請求月']}-10" for row in rows)


def test_sample_files_open_as_plain_csv(tmp_path: Path) -> None:
    sample_command(customers=3, months=1, start="2026-11", out=tmp_path, seed=1)

    with (tmp_path / "bills-2026-11.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [len(row) for row in rows] == [12] * 4


@pytest.mark.parametrize(("customers", "start"), [(0, "2026-11"), (3, "2026-13"), (3, "November")])
def test_an_impossible_order_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, customers: int, start: str
) -> None:
    status = sample_command(customers=customers, months=1, start=start, out=tmp_path, seed=1)

    assert status == 2
    assert "2026-11 の形で" in capsys.readouterr().err
