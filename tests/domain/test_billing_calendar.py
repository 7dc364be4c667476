"""The month's calendar (R03-R08, f18, f19)."""

from datetime import date

import pytest

from backend.domain.billing_calendar import BillingCalendar, month_after
from tests.kit.clock import jst

CALENDAR = BillingCalendar()


@pytest.mark.parametrize(
    ("confirmed", "goes_out"),
    [
        ("2026-12-08", "2026-12-10"),
        ("2026-12-10", "2026-12-10"),
        ("2026-12-14", "2026-12-14"),
        ("2026-12-17", "2026-12-17"),
        ("2026-12-18", "2027-01-10"),
        ("2026-12-31", "2027-01-10"),
        ("2028-02-29", "2028-03-10"),
    ],
)
def test_r04_r08_a_bill_goes_out_from_the_10th_if_three_days_remain(confirmed: str, goes_out: str) -> None:
    assert CALENDAR.next_opening_on(date.fromisoformat(confirmed)) == date.fromisoformat(goes_out)


@pytest.mark.parametrize(
    ("today", "month", "goes_out"),
    [
        ("2026-11-15", "2026-12", "2026-12-10"),
        ("2026-11-25", "2026-12", "2026-12-10"),
        ("2026-12-12", "2026-12", "2026-12-12"),
        ("2026-12-18", "2026-12", "2027-01-10"),
        ("2026-11-15", month_after("2026-12"), "2027-01-10"),
    ],
)
def test_r04_a_month_goes_out_from_its_own_10th(today: str, month: str, goes_out: str) -> None:
    assert CALENDAR.opening_of(month, today=date.fromisoformat(today)) == date.fromisoformat(goes_out)


def test_r05_f19_the_whole_20th_is_included() -> None:
    until = CALENDAR.valid_until(date(2026, 12, 10))

    assert until == jst("2026-12-21T00:00")
    assert CALENDAR.last_day(until) == date(2026, 12, 20)


@pytest.mark.parametrize(
    ("now", "goes_out"),
    [
        ("2026-12-10T09:59", "2026-12-10T10:00"),
        ("2026-12-10T10:00", "2026-12-10T10:00"),
        ("2026-12-10T18:59", "2026-12-10T18:59"),
        ("2026-12-31T19:00", "2027-01-01T10:00"),
    ],
)
def test_messages_go_out_in_the_send_hours_only(now: str, goes_out: str) -> None:
    assert CALENDAR.next_sending_at(jst(now)) == jst(goes_out)
