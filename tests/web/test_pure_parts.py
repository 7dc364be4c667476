"""What needs no server: the place as far as the town, digits of any width, the limiter."""

import pytest

from backend.web import forms
from backend.web.limiter import Limiter
from backend.web.page_settings import public_address
from backend.web.views import masked_place


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("東京都千代田区丸の内1-1-1", "東京都千代田区丸の内"),
        ("三重県四日市市諏訪町１－５ 寿荘", "三重県四日市市諏訪町"),
        ("北海道札幌市北区字あいの里", "北海道札幌市"),
        ("", ""),
    ],
)
def test_a_place_is_shown_as_far_as_the_town(place: str, shown: str) -> None:
    assert masked_place(place) == shown


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1234", "1234"),
        (" 12 34 ", "1234"),
        ("１２３４", "1234"),
        ("12-34", "1234"),
        ("123", None),
        ("12345", None),
        ("一二三四", None),
        ("١٢٣٤", None),
        ("12a4", None),
        ("", None),
    ],
)
def test_digits_are_read_as_people_write_them(typed: str, read: str | None) -> None:
    assert forms.digits(typed, length=4) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("5678", "5678"),
        ("090-1234-5678", "5678"),
        ("０９０１２３４５６７８", "5678"),
        ("(03) 1234-5678", "5678"),
        ("12345", None),
        ("1234567890", None),
        ("090123456789", None),
        ("０９０ー１２３４ー５６７あ", None),
        ("", None),
    ],
)
def test_the_last_four_digits_are_read_from_a_whole_telephone_number_too(typed: str, read: str | None) -> None:
    assert forms.last_four(typed) == read


def test_the_limiter_counts_each_address_alone_and_forgets_after_a_minute() -> None:
    seconds = [0.0]
    limiter = Limiter(limit=2, seconds=lambda: seconds[0])

    first = [limiter.admits("a"), limiter.admits("a"), limiter.admits("a"), limiter.admits("b")]
    seconds[0] = 60.0
    later = limiter.admits("a")

    assert first == [True, True, False, True]
    assert later


def test_the_public_address_keeps_its_port_and_knows_https() -> None:
    address = public_address("https://Pay.example.jp:8443")

    assert address.host == "pay.example.jp:8443"
    assert address.is_https
