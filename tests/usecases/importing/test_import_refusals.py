"""What a file is refused for; nothing of it is written then (f63-f67)."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.usecases.importing.bill_files import (
    HEADER,
    import_lines,
    line,
    other_line,
    query,
    read_file,
    reasons,
    run_import,
    write_file,
)


async def test_one_bad_line_keeps_all_others_out(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line(), other_line(2, amount="0"), other_line(3))

    assert reasons(report) == [(3, "amount", "amount_out_of_range")]
    assert report.new_bills == 0
    assert await query(engine, "SELECT 1 FROM account UNION ALL SELECT 1 FROM bill") == []


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("customer_number", "12", "not_a_customer_number"),
        ("customer_number", "１２３", "not_a_customer_number"),
        ("customer_number", "", "empty"),
        ("name_kanji", "", "empty"),
        ("name_kanji", "山" * 101, "too_long"),
        ("name_kanji", "山田\x00花子", "control_character"),
        ("name_kanji", "山田\u202e花子", "control_character"),
        ("name_kanji", "山田\ue000", "control_character"),
        ("name_kana", "山田ハナコ", "not_kana"),
        ("phone", "0312345678", "not_a_mobile_phone"),
        ("phone", "05012345678", "not_a_mobile_phone"),
        ("phone", "0901234567", "not_a_mobile_phone"),
        ("phone", "+14155550100", "not_a_mobile_phone"),
        ("phone", "09000001234", "not_a_mobile_phone"),
        ("phone", "", "empty"),
        ("email", "hanako", "not_an_email"),
        ("email", "花子@example.jp", "not_an_email"),
        ("service_location", " ", "empty"),
        ("service_location", "東" * 201, "too_long"),
        ("billing_month", "2026-13", "not_a_month"),
        ("billing_month", "11月", "not_a_month"),
        ("period", "2026-10-05", "not_a_period"),
        ("period", "2026-11-05〜2026-10-04", "period_backwards"),
        ("period", "2024-10-05〜2026-11-04", "period_too_long"),
        ("period", "2026-02-30〜2026-03-04", "not_a_date"),
        ("usage_kwh", "-1", "not_a_usage"),
        ("usage_kwh", "312.55", "not_a_usage"),
        ("amount", "0", "amount_out_of_range"),
        ("amount", "10000000", "amount_out_of_range"),
        ("amount", "-8540", "not_an_amount"),
        ("amount", "8540.5", "not_an_amount"),
        ("amount", "٣٤٥", "not_an_amount"),
        ("amount", "9" * 5_000, "not_an_amount"),
        ("bill_number", "請求1", "not_a_bill_number"),
        ("confirmed_on", "2026-02-29", "not_a_date"),
        ("confirmed_on", "8/11/2026", "not_a_date"),
        ("billing_month", "2036-01", "month_far_away"),
        ("billing_month", "2025-10", "month_far_away"),
    ],
)
def test_f67_a_cell_is_refused_by_line_column_and_reason(tmp_path: Path, column: str, value: str, code: str) -> None:
    source = write_file(tmp_path, other_line(2), line(**{column: value}))

    records, refusals = read_file(source)

    assert [(refusal.line, refusal.column, refusal.code) for refusal in refusals] == [(3, column, code)]
    assert [record[0] for record in records] == [2]


async def test_every_fault_of_a_line_is_listed(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line(phone="x", amount="y"), other_line(2, confirmed_on="z"))

    assert reasons(report) == [
        (2, "phone", "not_a_mobile_phone"),
        (2, "amount", "not_an_amount"),
        (3, "confirmed_on", "not_a_date"),
    ]


async def test_what_says_who_the_customer_is_never_enters_the_report(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line(phone="0312345678", name_kana="山田花子", amount="8.5"))

    assert [refusal.value_hint for refusal in report.refusals] == [None, None, "8.5"]


async def test_f63_ragged_lines_and_open_quotes_spoil_only_themselves(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(
        engine,
        tmp_path,
        line() + ",more",
        "0010000002,too few",
        line(name_kanji='"山田', bill_number="B9"),
        line(name_kanji='"山田" 花子', bill_number="B9"),
        other_line(7, amount="x"),
    )

    assert reasons(report) == [
        (2, None, "too_many_cells"),
        (3, None, "too_few_cells"),
        (4, None, "broken_quotes"),
        (5, None, "broken_quotes"),
        (6, "amount", "not_an_amount"),
    ]


async def test_a_quoted_comma_and_quote_are_part_of_the_cell(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line(service_location='"東京都 ""桜""荘, 2号"', amount='"8,540"'))

    assert await query(engine, "SELECT service_location, amount FROM account, bill") == [('東京都 "桜"荘, 2号', 8540)]


async def test_a_line_break_inside_quotes_is_refused(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line(service_location='"東京都\n桜荘"'), other_line(2))

    assert {code for _, _, code in reasons(report)} <= {"broken_quotes", "too_few_cells", "too_many_cells"}
    assert [number for number, _, _ in reasons(report)] == [2, 3]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER.replace("請求月,", "色,"), [(1, "billing_month", "missing_column"), (1, None, "unknown_column")]),
        (HEADER.replace("メールアドレス", "金額"), [(1, "amount", "duplicate_column")]),
        (HEADER.replace("メールアドレス", "開始日"), [(1, "period", "duplicate_column")]),
        (HEADER.replace("ご使用期間", "開始日"), [(1, "period_to", "missing_column")]),
        (HEADER + ",", [(1, None, "unknown_column")]),
        (HEADER.replace(",", ";"), [(1, None, "no_separator")]),
        ("\n\n" + HEADER + ",", [(3, None, "unknown_column")]),
    ],
)
async def test_f63_a_header_is_refused_before_any_line(
    engine: AsyncEngine, tmp_path: Path, header: str, expected: list[tuple[int, str | None, str]]
) -> None:
    report = await run_import(engine, write_file(tmp_path, line(), header=header))

    assert sorted(reasons(report), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("nothing", [b"", b"\xef\xbb\xbf", b"\r\n \r\n"])
async def test_a_file_of_nothing_is_refused(engine: AsyncEngine, tmp_path: Path, nothing: bytes) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(nothing)

    assert reasons(await run_import(engine, empty)) == [(1, None, "empty_file")]
    assert reasons(await run_import(engine, write_file(tmp_path))) == [(1, None, "no_rows")]


async def test_f66_a_repeated_line_is_refused_with_the_first_ones_number(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(
        engine,
        tmp_path,
        line(),
        line(),
        line(amount="9000"),
        line(bill_number="B2611-777"),
    )

    assert [(refusal.line, refusal.code, refusal.value_hint) for refusal in report.refusals] == [
        (3, "repeated_line", "2"),
        (4, "repeated_bill_number", "2"),
        (5, "repeated_month", "2"),
    ]


async def test_f66_another_amount_for_a_known_bill_is_a_conflict(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line(), other_line(2))

    report = await import_lines(engine, tmp_path, line(amount="9000"), other_line(2, usage_kwh="1"), other_line(3))

    assert reasons(report) == [(2, "amount", "other_amount"), (3, "usage_kwh", "other_values")]
    assert report.refusals[0].value_hint == "8540 → 9000"
    assert await query(engine, "SELECT amount FROM bill") == [(8540,), (8540,)]


async def test_a_bill_number_of_another_customer_is_refused(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())

    report = await import_lines(engine, tmp_path, other_line(2, bill_number="B2611-001"), amend=True)

    assert reasons(report) == [(2, "bill_number", "other_customer")]


async def test_a_line_between_two_known_bills_is_refused(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line(), line(billing_month="2026-12", bill_number="B2612-001"))

    report = await import_lines(engine, tmp_path, line(billing_month="2026-12"), amend=True)

    assert reasons(report) == [(2, "bill_number", "two_bills")]


async def test_every_line_of_a_wholly_wrong_file_is_listed(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, *(other_line(serial, amount="x") for serial in range(2_200)))

    assert [refusal.line for refusal in report.refusals] == list(range(2, 2_202))


async def test_every_line_that_contradicts_the_ledger_is_listed(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, *(other_line(serial) for serial in range(1_100)))

    report = await import_lines(engine, tmp_path, *(other_line(serial, amount="9000") for serial in range(1_100)))

    assert [refusal.line for refusal in report.refusals] == list(range(2, 1_102))


async def test_blank_lines_and_the_mark_of_the_end_are_passed_over(engine: AsyncEngine, tmp_path: Path) -> None:
    source = write_file(tmp_path, line(), "", other_line(5, amount="x"), "\x1a", header="\n" + HEADER)

    assert reasons(await run_import(engine, source)) == [(5, "amount", "not_an_amount")]


async def test_a_month_may_be_confirmed_a_year_before_or_after_it(engine: AsyncEngine, tmp_path: Path) -> None:
    report = await import_lines(engine, tmp_path, line(billing_month="2025-11"), other_line(3, billing_month="2027-11"))

    assert report.new_bills == 2
