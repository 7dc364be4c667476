"""Runs whatever the timetable says is due now, once a (job, JST date), also after a downtime, in the right order."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from backend.domain.billing_calendar import JST, BillingCalendar
from backend.failpoints import failpoint
from backend.store import jobs as runs
from backend.store.engine import transaction
from backend.usecases.services import Services
from scheduler.jobs import TIMETABLE, Job, JobMustWaitError

_LOOK_BACK = timedelta(days=62)  # older periods of a job have been swallowed by newer ones
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRun:
    """A job with its newest due date, and the older dates that this run covers as well."""

    job: Job
    run_on: date
    passed_over: tuple[date, ...]


def due_runs(*, calendar: BillingCalendar, last_runs: dict[str, date], now: datetime) -> list[DueRun]:
    """What is due, in the order of the timetable; pure.

    Only the newest date of a job runs: jobs work by state, so it does the work of the missed ones too, and a
    customer does not get the reminders of two days at once.
    """
    due = []
    for job in TIMETABLE:
        dates = _dates_since(job, calendar=calendar, last=last_runs.get(job.name), now=now)
        if dates:
            due.append(DueRun(job=job, run_on=dates[-1], passed_over=tuple(dates[:-1])))
    return due


def _dates_since(job: Job, *, calendar: BillingCalendar, last: date | None, now: datetime) -> list[date]:
    local = now.astimezone(JST)
    newest = local.date() if local.time() >= job.runs_at(calendar) else local.date() - timedelta(days=1)
    # Nobody was there before the first run: a new system starts with the newest period, not with old ones.
    day = last + timedelta(days=1) if last else newest - timedelta(days=1)
    day = max(day, newest - _LOOK_BACK)
    days = (day + timedelta(days=step) for step in range((newest - day).days + 1))
    return [each for each in days if job.runs_on(calendar, each)]


async def run_due(services: Services, *, now: datetime) -> list[str]:
    """Run every due job in order; returns the names of those that are done.

    A job that raises stops the ones behind it, which may build on its work; all are due again next time. One that
    must wait lets the others pass.
    The run key is written after the work, under the timetable's lock: a kill in between repeats the work,
    which is harmless because every job works by state with unique keys (f8, f9).
    """
    async with runs.timetable_lock(services.engine):
        async with transaction(services.engine) as connection:
            last_runs = await runs.last_runs(connection)
        due = due_runs(calendar=services.calendar, last_runs=last_runs, now=now)
        done: list[str] = []
        for run in due:
            try:
                outcome = await run.job.run(services, now)
            except JobMustWaitError as reason:
                log.warning("job_waits", job=run.job.name, run_on=str(run.run_on), reason=str(reason))
                continue
            failpoint("after-job")
            await _record(services, run, outcome=str(outcome), now=now)
            done.append(run.job.name)
            log.info("job_done", job=run.job.name, run_on=str(run.run_on), outcome=str(outcome))
    return done


async def _record(services: Services, run: DueRun, *, outcome: str, now: datetime) -> None:
    async with transaction(services.engine) as connection:
        for day in run.passed_over:
            covered = f"covered by {run.run_on}"
            await runs.record_run(connection, job=run.job.name, run_on=day, outcome=covered, now=now)
        await runs.record_run(connection, job=run.job.name, run_on=run.run_on, outcome=outcome, now=now)
        failpoint("inside-run-key")
