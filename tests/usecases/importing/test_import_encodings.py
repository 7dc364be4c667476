"""f63-f65: bytes become the letters that the sender wrote, or a refusal; never something similar."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.domain.bill_refusal import Refusal
from backend.usecases.bill_file.survey import survey
from tests.usecases.importing.bill_files import HEADER, line, read_file, write_file

_ENCODINGS = ["utf-8", "utf-8-sig", "cp932"]
_FOLDER_IS_SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
# Kanji that both encodings have, the vendor's own among them.
_KANJI = st.sampled_from(
    [chr(code) for code in range(0x4E00, 0x9FA0) if chr(code).encode("cp932", "ignore")] + ["髙", "﨑"]
)
_NAME = st.builds("{} {}".format, st.text(_KANJI, min_size=1, max_size=3), st.text(_KANJI, min_size=1, max_size=3))
_DIGITS = st.text("0123456789", min_size=4, max_size=20)


@_FOLDER_IS_SHARED
@given(
    name=_NAME,
    number=_DIGITS,
    amount=st.integers(1, 9_999_999),
    tenths=st.integers(0, 9_999_999),
    encoding=st.sampled_from(_ENCODINGS),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_good_row_comes_back_in_every_encoding_and_line_end(
    *, tmp_path: Path, name: str, number: str, amount: int, tenths: int, encoding: str, end: str
) -> None:
    row = line(name_kanji=name, customer_number=number, amount=str(amount), usage_kwh=f"{tenths // 10}.{tenths % 10}")

    records, refusals = read_file(write_file(tmp_path, row, encoding=encoding, end=end))

    assert refusals == ()
    assert [(record[1], record[2], record[10], record[11]) for record in records] == [(number, name, tenths, amount)]


@_FOLDER_IS_SHARED
@given(name=st.text(_KANJI, min_size=2, max_size=2))
def test_f64_a_two_kanji_name_in_utf8_is_never_taken_for_cp932(tmp_path: Path, name: str) -> None:
    english = "customer number,name,kana,phone,email,address,month,period,usage,amount,bill number,confirmed"
    row = line(name_kanji=name, name_kana="-", service_location=name, period="2026-10-05/2026-11-04")

    records, _ = read_file(write_file(tmp_path, row, header=english))

    assert records[0][2] == name


@pytest.mark.parametrize("name", ["髙橋 﨑男", "ﾔﾏﾀﾞ", "①㈱", "−～"])
def test_f65_names_are_kept_as_sent_in_cp932(tmp_path: Path, name: str) -> None:
    records, _ = read_file(write_file(tmp_path, line(name_kanji=name, name_kana="ﾔﾏﾀﾞ ﾊﾅｺ"), encoding="cp932"))

    assert records[0][2:4] == (name.encode("cp932").decode("cp932"), "ﾔﾏﾀﾞ ﾊﾅｺ")


def test_f65_kanji_beyond_the_basic_plane_are_kept(tmp_path: Path) -> None:
    records, _ = read_file(write_file(tmp_path, line(name_kanji="𠮷田 葛󠄀子")))

    assert records[0][2] == "𠮷田 葛󠄀子"


def test_f65_full_width_digits_count_and_other_scripts_digits_do_not(tmp_path: Path) -> None:
    source = write_file(tmp_path, line(amount="３５００"), line(amount="٣٥٠٠"))

    records, refusals = read_file(source)

    assert [record[11] for record in records] == [3500]
    assert [(refusal.line, refusal.code) for refusal in refusals] == [(3, "not_an_amount")]


def test_f64_bytes_of_neither_encoding_are_refused_by_line_and_byte(tmp_path: Path) -> None:
    source = tmp_path / "bills.csv"
    source.write_bytes(f"{HEADER}\n{line()}\n".encode() + "山".encode() + b"\xff\xfe,1\n")

    refusal = survey(source)

    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.code, refusal.value_hint) == (3, "encoding", "4")


def test_a_cut_off_last_letter_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "bills.csv"
    source.write_bytes(f"{HEADER}\n{line()}\n".encode() + "山".encode()[:2])

    refusal = survey(source)

    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.code) == (3, "encoding")


def test_f63_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    source = tmp_path / "bills.csv"
    source.write_bytes(b"a" * 3_000_000)

    refusal = survey(source)

    assert isinstance(refusal, Refusal)
    assert refusal.code == "line_too_long"
