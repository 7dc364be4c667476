"""What a good file does to the ledger."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.usecases.import_bills import import_bills
from tests.usecases.importing.bill_files import (
    HEADER,
    NOW,
    import_lines,
    line,
    other_line,
    query,
    run_import,
    write_file,
)

_EVERYTHING = """
SELECT a.customer_number, a.name_kanji, a.name_kana, a.phone, a.email, a.service_location, b.bill_number,
  b.billing_month, b.period_from::text, b.period_to::text, b.usage_kwh::text, b.amount, b.confirmed_on::text, b.state
FROM bill b JOIN account a ON a.id = b.account_id
"""


async def test_a_line_becomes_a_customer_and_a_confirmed_bill(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line())

    assert (report.new_bills, report.new_accounts, report.refusals) == (1, 1, ())
    assert await query(engine, _EVERYTHING) == [
        (
            "0010000001",
            "山田 花子",
            "ヤマダ ハナコ",
            "+819010000001",
            "hanako@example.jp",
            "東京都世田谷区桜1丁目2番3号",
            "B2611-001",
            "2026-11",
            "2026-10-05",
            "2026-11-04",
            "312.5",
            8540,
            "2026-11-08",
            "finalized",
        )
    ]


async def test_f66_the_same_file_twice_changes_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    source = write_file(tmp_path, line(), other_line(2))
    await run_import(engine, source)
    before = await query(engine, "SELECT id, xmin FROM account UNION ALL SELECT id, xmin FROM bill")

    report = await run_import(engine, source)

    assert (report.new_bills, report.unchanged_bills, report.refusals) == (0, 2, ())
    assert await query(engine, "SELECT id, xmin FROM account UNION ALL SELECT id, xmin FROM bill") == before


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await run_import(engine, write_file(tmp_path, line(), other_line(2)), dry_run=True)

    assert (report.new_bills, report.new_accounts, report.is_dry_run) == (2, 2, True)
    assert await query(engine, "SELECT 1 FROM account UNION ALL SELECT 1 FROM bill") == []


async def test_the_newest_month_speaks_for_the_customer_wherever_it_stands(engine: AsyncEngine, tmp_path: Path) -> None:
    december = line(billing_month="2026-12", bill_number="B2612-001", phone="08012345678", name_kanji="佐藤 花子")

    report = await import_lines(engine, tmp_path, december, line())

    assert (report.new_accounts, report.new_bills) == (1, 2)
    assert await query(engine, "SELECT name_kanji, phone FROM account") == [("佐藤 花子", "+818012345678")]


async def test_a_new_phone_is_taken_and_counted(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line(), other_line(2))

    report = await import_lines(
        engine, tmp_path, line(phone="08012345678"), other_line(2, service_location="千葉県柏市1番地")
    )

    assert (report.updated_accounts, report.new_phones, report.unchanged_bills) == (2, 1, 2)
    assert await query(engine, "SELECT phone FROM account ORDER BY id") == [("+818012345678",), ("+819010000002",)]


async def test_an_older_months_file_does_not_bring_an_old_phone_back(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line(phone="08012345678"))

    report = await import_lines(engine, tmp_path, line(billing_month="2026-10", bill_number="B2610-001"))

    assert (report.new_bills, report.updated_accounts) == (1, 0)
    assert await query(engine, "SELECT phone FROM account") == [("+818012345678",)]


async def test_without_an_email_column_known_addresses_stay(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())
    without = write_file(
        tmp_path,
        line(billing_month="2026-12", bill_number="B2612-001").replace("hanako@example.jp,", ""),
        header=HEADER.replace("メールアドレス,", ""),
    )

    await run_import(engine, without)

    assert await query(engine, "SELECT email FROM account") == [("hanako@example.jp",)]


async def test_an_empty_email_cell_removes_the_address(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())

    report = await import_lines(engine, tmp_path, line(email=""))

    assert report.updated_accounts == 1
    assert await query(engine, "SELECT email FROM account") == [(None,)]


async def test_english_headers_tabs_and_two_period_columns_are_understood(engine: AsyncEngine, tmp_path: Path) -> None:
    header = (
        "Customer Number\tName (Kanji)\tName (Kana)\tMobile_Phone\tPlace of Use\tBilling Month\tPeriod From\t"
        "Period To\tUsage kWh\tAmount (yen, tax included)\tBill No.\tConfirmed Date"
    )
    who = "0010000001\t山田\tヤマダ\t090-1234-5678\t東京都"
    what = "2026年11月分\t2026/10/5\t20261104\t1,312\t8,540円\tB1\t2026年11月8日"

    report = await run_import(engine, write_file(tmp_path, f"{who}\t{what}", header=header))

    assert report.refusals == ()
    assert await query(
        engine, "SELECT billing_month, period_from::text, period_to::text, usage_kwh::text, amount FROM bill"
    ) == [("2026-11", "2026-10-05", "2026-11-04", "1312.0", 8540)]


async def test_blank_lines_and_rows_of_commas_are_passed_over(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line(), "", "," * 11, other_line(2), "")

    assert (report.new_bills, report.refusals) == (2, ())


async def test_f65_the_same_name_in_two_encodings_is_no_change(engine: AsyncEngine, tmp_path: Path) -> None:
    await run_import(engine, write_file(tmp_path, line(service_location="東京都桜1〜2号"), encoding="utf-8"))

    report = await run_import(engine, write_file(tmp_path, line(service_location="東京都桜1～2号"), encoding="cp932"))

    assert (report.encoding, report.updated_accounts, report.unchanged_bills) == ("cp932", 0, 1)
    assert await query(engine, "SELECT service_location FROM account") == [("東京都桜1〜2号",)]


async def test_two_imports_of_the_same_file_at_once_bring_it_in_once(engine: AsyncEngine, tmp_path: Path) -> None:
    source = write_file(tmp_path, line(), other_line(2))

    reports = await asyncio.gather(run_import(engine, source), run_import(engine, source))

    assert sorted((report.new_bills, report.unchanged_bills) for report in reports) == [(0, 2), (2, 0)]
    assert await query(engine, "SELECT count(*) FROM bill") == [(2,)]


async def test_a_disk_that_fails_halfway_leaves_nothing_behind(engine: AsyncEngine, tmp_path: Path) -> None:
    source = write_file(tmp_path, *(other_line(serial) for serial in range(1_500)))

    def stop(_: int) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - a bare one, as a disk gives
        await import_bills(engine, source=source, now=NOW, amend=False, dry_run=False, progress=stop)

    assert await query(engine, "SELECT 1 FROM account UNION ALL SELECT 1 FROM bill") == []


async def test_progress_ends_at_the_files_size(engine: AsyncEngine, tmp_path: Path) -> None:
    source = write_file(tmp_path, *(other_line(serial) for serial in range(2_500)))
    heard: list[int] = []

    await import_bills(engine, source=source, now=NOW, amend=False, dry_run=False, progress=heard.append)

    assert heard == sorted(heard)
    assert heard[-1] == source.stat().st_size
