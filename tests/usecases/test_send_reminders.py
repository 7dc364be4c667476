"""Reminders go to those who have a working URL and have had it for two days; each day's once."""

from datetime import date

from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.send_reminders import send_reminders
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

REMINDERS = "SELECT count(*) FROM notice WHERE kind = 'reminder'"


async def opened(ledger: Ledger, clock: FakeClock, *, at: str, sends: bool = True) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.go_to(at))
    if sends:
        await ledger.change("UPDATE notice SET state = 'delivered', first_sent_at = created_at")


async def remind(ledger: Ledger, clock: FakeClock, *, at: str, run_on: str | None = None) -> None:
    day = date.fromisoformat(run_on or at[:10])
    await send_reminders(ledger.services, run_on=day, now=clock.go_to(at))


async def test_each_reminder_day_brings_one_reminder_to_who_has_not_paid(ledger: Ledger, clock: FakeClock) -> None:
    await opened(ledger, clock, at="2026-11-10T10:00")

    for at in ("2026-11-15T10:00", "2026-11-15T10:05", "2026-11-18T10:00"):
        await remind(ledger, clock, at=at)

    assert await ledger.rows(REMINDERS) == [(2,)]


async def test_f8_a_run_that_is_repeated_after_midnight_reminds_nobody_twice(ledger: Ledger, clock: FakeClock) -> None:
    await opened(ledger, clock, at="2026-11-10T10:00")
    await remind(ledger, clock, at="2026-11-15T10:00")

    await remind(ledger, clock, at="2026-11-16T10:00", run_on="2026-11-15")

    assert await ledger.rows(REMINDERS) == [(1,)]


async def test_of_two_reminders_that_wait_only_the_newer_one_goes(ledger: Ledger, clock: FakeClock) -> None:
    await opened(ledger, clock, at="2026-11-10T10:00")
    for at in ("2026-11-15T20:00", "2026-11-18T20:00", "2026-11-18T21:00"):
        await remind(ledger, clock, at=at)

    assert await ledger.rows("SELECT state, failure FROM notice WHERE kind = 'reminder' ORDER BY id") == [
        ("failed", "newer_reminder"),
        ("queued", None),
    ]


async def test_who_has_not_been_sent_the_url_yet_is_not_reminded_of_it(ledger: Ledger, clock: FakeClock) -> None:
    await opened(ledger, clock, at="2026-11-10T10:00", sends=False)

    await remind(ledger, clock, at="2026-11-15T10:00")

    assert await ledger.rows(REMINDERS) == [(0,)]


async def test_who_got_the_url_yesterday_is_not_reminded_today(ledger: Ledger, clock: FakeClock) -> None:
    await opened(ledger, clock, at="2026-11-17T10:00")

    await remind(ledger, clock, at="2026-11-18T10:00")

    assert await ledger.rows(REMINDERS) == [(0,)]


async def test_after_the_last_day_nobody_is_reminded(ledger: Ledger, clock: FakeClock) -> None:
    await opened(ledger, clock, at="2026-11-10T10:00")

    await remind(ledger, clock, at="2026-11-21T10:00")

    assert await ledger.rows(REMINDERS) == [(0,)]
