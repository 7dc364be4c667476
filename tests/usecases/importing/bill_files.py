"""Builders of bill files and short ways to look at the ledger afterwards."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.bill_refusal import Refusal, Refusals
from backend.usecases.bill_file.header import Header
from backend.usecases.bill_file.reading import read_first_line, read_records
from backend.usecases.bill_file.survey import Survey, survey
from backend.usecases.import_bills import ImportReport, import_bills
from tests.kit.clock import jst

HEADER = (
    "お客様番号,お名前(漢字),お名前(カナ),携帯電話番号,メールアドレス,ご使用場所,請求月,ご使用期間,"
    "ご使用量(kWh),ご請求金額,請求番号,請求確定日"
)
NOW = jst("2026-11-09T09:00")

_CELLS = {
    "customer_number": "0010000001",
    "name_kanji": "山田 花子",
    "name_kana": "ヤマダ ハナコ",
    "phone": "09010000001",
    "email": "hanako@example.jp",
    "service_location": "東京都世田谷区桜1丁目2番3号",
    "billing_month": "2026-11",
    "period": "2026-10-05〜2026-11-04",
    "usage_kwh": "312.5",
    "amount": "8540",
    "bill_number": "B2611-001",
    "confirmed_on": "2026-11-08",
}


def line(**changes: str) -> str:
    """One good line, with some cells written otherwise."""
    return ",".join((_CELLS | changes).values())


def other_line(serial: int, **changes: str) -> str:
    """A good line of another customer."""
    own = {
        "customer_number": f"{10_000_000 + serial:010}",
        "phone": f"0901{serial:07}",
        "bill_number": f"B2611-{serial:05}",
    }
    return line(**own | changes)


def write_file(folder: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8", end: str = "\n") -> Path:
    """A bill file with these lines."""
    path = folder / "bills.csv"
    path.write_bytes("".join(each + end for each in (header, *lines)).encode(encoding))
    return path


async def run_import(engine: AsyncEngine, source: Path, *, amend: bool = False, dry_run: bool = False) -> ImportReport:
    """Import as the command does."""
    return await import_bills(engine, source=source, now=NOW, amend=amend, dry_run=dry_run)


async def import_lines(engine: AsyncEngine, folder: Path, *lines: str, amend: bool = False) -> ImportReport:
    """Write these lines to a file and import it."""
    return await run_import(engine, write_file(folder, *lines), amend=amend)


async def query(engine: AsyncEngine, statement: str) -> Sequence[tuple[object, ...]]:
    """What the ledger says."""
    async with engine.connect() as connection:
        return [tuple(row) for row in (await connection.execute(text(statement))).all()]


async def execute(engine: AsyncEngine, *statements: str, **values: object) -> None:
    """Bring the ledger into a state."""
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement), values)


def read_file(source: Path) -> tuple[list[tuple[object, ...]], tuple[Refusal, ...]]:
    """The records and refusals of a file whose header is good, without a database."""
    surveyed = survey(source)
    assert isinstance(surveyed, Survey)
    header = read_first_line(source, surveyed)
    assert isinstance(header, Header)
    refusals = Refusals()
    records = list(read_records(source, surveyed, header=header, refusals=refusals, progress=None))
    return records, refusals.listed()


def reasons(report: ImportReport) -> list[tuple[int, str | None, str]]:
    """Line, column and code of every listed refusal."""
    return [(refusal.line, refusal.column, refusal.code) for refusal in report.refusals]
