"""What the timetable says is due, also after a downtime: each job once, for its newest day, in order (f9, f20)."""

from datetime import date

import aiohttp

from backend.domain.billing_calendar import BillingCalendar
from scheduler.catch_up import due_runs, run_due
from tests.kit.clock import FakeClock, jst
from tests.kit.ledger import Ledger

UP_TO_THE_9TH = {
    "expire": date(2026, 11, 9),
    "reconcile": date(2026, 11, 9),
    "open": date(2026, 10, 17),
    "remind": date(2026, 10, 18),
}


def due(at: str, *, last_runs: dict[str, date]) -> list[tuple[str, int, list[int]]]:
    runs = due_runs(calendar=BillingCalendar(), last_runs=last_runs, now=jst(at))
    return [(run.job.name, run.run_on.day, [day.day for day in run.passed_over]) for run in runs]


def test_f20_only_the_newest_missed_reminder_runs() -> None:
    runs = due("2026-11-19T11:00", last_runs=UP_TO_THE_9TH)

    assert runs[-1] == ("remind", 18, [15])


def test_f20_what_was_missed_runs_in_the_order_of_the_timetable() -> None:
    runs = due("2026-11-22T11:00", last_runs=UP_TO_THE_9TH)

    assert [(job, day) for job, day, _ in runs] == [("expire", 22), ("reconcile", 22), ("open", 17), ("remind", 18)]


def test_a_job_is_not_due_before_its_hour() -> None:
    early, late = (
        due(at, last_runs={**UP_TO_THE_9TH, "expire": date(2026, 11, 10), "reconcile": date(2026, 11, 10)})
        for at in ("2026-11-10T09:59", "2026-11-10T10:00")
    )

    assert early == []
    assert late == [("open", 10, [])]


def test_f9_what_has_run_today_is_not_due_again() -> None:
    ran = dict.fromkeys(UP_TO_THE_9TH, date(2026, 11, 15))

    assert due("2026-11-15T23:59", last_runs=ran) == []


def test_a_new_system_begins_with_the_newest_day() -> None:
    assert due("2026-11-25T12:00", last_runs={}) == [("expire", 25, [24]), ("reconcile", 25, [24])]


async def test_a_job_that_must_wait_lets_the_others_pass_and_is_due_again(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await ledger.account()
    now = clock.go_to("2026-11-15T11:00")
    rules = {"rules": [{"kind": "500_before", "path": "/v1/transactions"}]}
    async with aiohttp.ClientSession() as http, http.post(f"{gateway_emulator}/_control/faults", json=rules):
        waiting = await run_due(ledger.services, now=now)
    async with aiohttp.ClientSession() as http, http.post(f"{gateway_emulator}/_control/faults", json={"rules": []}):
        caught_up = await run_due(ledger.services, now=now)

    assert waiting == ["expire", "remind"]
    assert caught_up == ["reconcile", "open"]
