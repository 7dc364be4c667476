"""Headers, dates and phones as people write them; the fast ways agree with the slow ones."""

import re
from collections.abc import Callable
from datetime import date

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.bill_refusal import CellRefusedError, Column
from backend.usecases.bill_file.cells import (
    read_amount,
    read_bill_number,
    read_customer_number,
    read_email,
    read_kana,
    read_name,
    read_usage,
)
from backend.usecases.bill_file.dates import read_day, read_month, read_period
from backend.usecases.bill_file.header import column_names, header_key, read_header
from backend.usecases.bill_file.phones import read_odd_phone, read_phone
from backend.usecases.bill_file.plain import PLAIN_READERS

_CELL_READERS: dict[Column, Callable[[str], object]] = {
    Column.CUSTOMER_NUMBER: read_customer_number,
    Column.NAME_KANJI: read_name,
    Column.NAME_KANA: read_kana,
    Column.PHONE: read_phone,
    Column.EMAIL: read_email,
    Column.USAGE_KWH: read_usage,
    Column.AMOUNT: read_amount,
    Column.BILL_NUMBER: read_bill_number,
}
_NEAR_MISSES = st.from_regex(
    re.compile(r"[0-9A-Za-z]{3,6}|0[5-9]0-?[0-9]{4}-?[0-9]{3,5}|[0-9,]{1,8}(\.[0-9]{1,2})?|[a-z.]{1,4}@[a-z.]{3,9}"),
    fullmatch=True,
)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-05〜2026-11-04",
        "2026-10-05～2026-11-04",
        "2026/10/5~2026/11/4",
        "2026-10-05 - 2026-11-04",
        "2026-10-05–2026-11-04",
        "20261005-20261104",
        "2026/10/05/2026/11/04",
        "2026-10-05 to 2026-11-04",
        "2026年10月5日から2026年11月4日まで",
        "２０２６／１０／０５－２０２６／１１／０４",
    ],
)
def test_a_period_may_be_written_in_many_ways(text: str) -> None:
    assert read_period(text) == (date(2026, 10, 5), date(2026, 11, 4))


@pytest.mark.parametrize("text", ["2026-11", "2026/11", "202611", "2026年11月", "2026年11月分", "２０２６年１１月"])
def test_a_month_may_be_written_in_many_ways(text: str) -> None:
    assert read_month(text) == "2026-11"


@pytest.mark.parametrize("text", ["2026-11-08", "2026/11/8", "20261108", "2026年11月8日", "２０２６．１１．０８"])
def test_a_day_may_be_written_in_many_ways(text: str) -> None:
    assert read_day(text) == date(2026, 11, 8)


@pytest.mark.parametrize(
    "text",
    [
        "09012345678",
        "090-1234-5678",
        "090(1234)5678",
        "０９０－１２３４－５６７８",
        "０９０ー１２３４ー５６７８",
        "+819012345678",
        "+81 90-1234-5678",
        "81 90 1234 5678",
        "9012345678",
    ],
)
def test_a_phone_may_be_written_in_many_ways(text: str) -> None:
    assert read_phone(text) == "+819012345678"


@pytest.mark.parametrize("prefix", ["020", "060", "070", "080", "090"])
def test_every_mobile_prefix_is_taken(prefix: str) -> None:
    assert read_phone(f"{prefix}12345678") == f"+81{prefix[1:]}12345678"


@given(st.from_regex(re.compile(r"0[2-9]0[0-9]{8}"), fullmatch=True))
def test_the_fast_phone_reader_agrees_with_phonenumbers(text: str) -> None:
    assert _outcome(read_phone, text) == _outcome(read_odd_phone, text)


@given(st.sampled_from(sorted(_CELL_READERS)), st.lists(_NEAR_MISSES | st.text(max_size=8), min_size=1, max_size=3))
def test_reading_a_column_at_once_agrees_with_reading_its_cells(column: Column, cells: list[str]) -> None:
    one_line_cells = [re.sub(r"[\r\n]", "", cell) for cell in cells]

    at_once = PLAIN_READERS[column](one_line_cells)

    assert at_once is None or list(at_once) == [_outcome(_CELL_READERS[column], cell) for cell in one_line_cells]


def test_customer_numbers_keep_their_leading_zeros() -> None:
    assert read_customer_number("００１２-３４５６ ７８") == "0012345678"


def test_no_header_means_two_columns() -> None:
    keys = [(header_key(alias), column) for column, names in column_names().items() for alias in names.aliases]

    assert len({key for key, _ in keys}) == len(set(keys))


def test_headers_are_compared_without_case_width_blanks_and_brackets() -> None:
    assert header_key("Ａｍｏｕｎｔ （Yen）_") == header_key("amount yen")


def test_every_column_and_only_these_has_names() -> None:
    assert set(column_names()) == set(Column)


@given(st.text(max_size=60))
def test_any_first_line_is_understood_or_refused(line: str) -> None:
    assert read_header(line)


def _outcome(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except CellRefusedError as error:
        return error.code


def test_the_sample_prefix_is_a_valid_mobile_range() -> None:
    for text in ("06090000000", "06090999999"):
        assert phonenumbers.is_valid_number(phonenumbers.parse(text, "JP"))
