from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.phone.stops import JAPAN, stops


def where(now: datetime) -> dict[str, str]:
    return {stop.id: stop.to.strftime("%Y-%m-%d %H:%M") for stop in stops(now=now)}


def test_early_in_a_month_all_days_are_of_that_month() -> None:
    assert where(datetime(2026, 10, 5, 9, 30, tzinfo=JAPAN)) == {
        "next-10": "2026-10-10 10:00",
        "next-15": "2026-10-15 10:00",
        "next-18": "2026-10-18 10:00",
        "next-20": "2026-10-20 12:00",
        "next-21": "2026-10-21 00:05",
        "month-10": "2026-11-10 10:00",
        "day-1": "2026-10-06 09:30",
    }


def test_a_day_that_has_begun_its_work_is_next_months() -> None:
    coming = where(datetime(2026, 12, 20, 12, 0, tzinfo=JAPAN))

    assert coming["next-10"] == "2027-01-10 10:00"
    assert coming["next-20"] == "2027-01-20 12:00"
    assert coming["next-21"] == "2026-12-21 00:05"


def test_the_same_day_counts_until_its_hour() -> None:
    assert where(datetime(2026, 10, 10, 9, 59, tzinfo=JAPAN))["next-10"] == "2026-10-10 10:00"


@pytest.mark.parametrize("day", [1, 29, 31])
def test_next_month_follows_long_months_too(day: int) -> None:
    assert where(datetime(2027, 1, day, 23, 0, tzinfo=JAPAN))["month-10"] == "2027-02-10 10:00"


@given(st.integers(min_value=0, max_value=15 * 366 * 24 * 60))
def test_every_stop_lies_in_the_future(minutes: int) -> None:
    now = datetime(2024, 1, 1, tzinfo=JAPAN) + timedelta(minutes=minutes)

    assert all(stop.to > now for stop in stops(now=now))
