"""The month's calendar in Asia/Tokyo: when URLs go out, until when they work; never asks the clock."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

JST = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCalendar:
    """The five numbers that domain.md leaves to configuration, and what follows from them.

    Days are days of the month in Asia/Tokyo. `send_from` and `send_until` are the send hours (until is exclusive).
    """

    send_from_day: int = 10
    expiry_day: int = 20
    fair_days: int = 3
    reminder_days: tuple[int, ...] = (15, 18)
    send_from: time = time(10)
    send_until: time = time(19)

    @property
    def last_opening_day(self) -> int:
        """The last day on which a URL still leaves the customer a fair time until the 20th."""
        return self.expiry_day - self.fair_days

    def may_open_on(self, today: date) -> bool:
        """Whether payment requests are opened today; later bills roll into the next month (R08)."""
        return self.send_from_day <= today.day <= self.last_opening_day

    def next_opening_on(self, today: date) -> date:
        """The first day, today included, on which a bill confirmed by then can be requested (R04, R08)."""
        if today.day > self.last_opening_day:
            return first_of_next_month(today).replace(day=self.send_from_day)
        return max(today, today.replace(day=self.send_from_day))

    def latest_opening_on(self, today: date) -> date:
        """The last day on which the next URL goes out, also where the new month's bill is late (R06, R08)."""
        return self.next_opening_on(today).replace(day=self.last_opening_day)

    def opening_of(self, billing_month: str, *, today: date) -> date:
        """The first day, today included, on which the bill of `billing_month` (`2026-12`) can be requested."""
        own = date.fromisoformat(f"{billing_month}-{self.send_from_day:02}")
        return max(own, self.next_opening_on(today))

    def valid_until(self, opened_on: date) -> datetime:
        """The exclusive instant at which a request opened that day stops being payable (R05).

        「20日まで」 includes the whole 20th, so the instant is midnight of the 21st.
        """
        return datetime.combine(opened_on.replace(day=self.expiry_day) + timedelta(days=1), time(), JST)

    def reminders_between(self, start: datetime, end: datetime) -> list[date]:
        """The days whose reminders were due after `start` and until `end`."""
        first, last = jst_date(start), jst_date(end)
        days = (first + timedelta(days=step) for step in range((last - first).days + 1))
        return [
            day
            for day in days
            if day.day in self.reminder_days and start < datetime.combine(day, self.send_from, JST) <= end
        ]

    def last_day(self, valid_until: datetime) -> date:
        """The last whole day to name to people for an exclusive end (R05)."""
        return (valid_until - timedelta(microseconds=1)).astimezone(JST).date()

    def next_sending_at(self, now: datetime) -> datetime:
        """Now, if messages may go out at this hour, else the next moment they may."""
        local = now.astimezone(JST)
        if self.send_from <= local.time() < self.send_until:
            return now
        day = local.date() if local.time() < self.send_from else local.date() + timedelta(days=1)
        return datetime.combine(day, self.send_from, JST)


def first_of_next_month(day: date) -> date:
    """The first day of the month after `day`'s."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_after(billing_month: str) -> str:
    """`2027-01` for `2026-12`."""
    return billing_month_of(first_of_next_month(date.fromisoformat(f"{billing_month}-01")))


def jst_date(now: datetime) -> date:
    """The calendar day of an aware instant in Asia/Tokyo."""
    return now.astimezone(JST).date()


def billing_month_of(day: date) -> str:
    """`2026-11` for any day of November 2026."""
    return f"{day:%Y-%m}"
