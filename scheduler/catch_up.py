"""Runs whatever the timetable says is due now, once a (job, JST date), also after a downtime, in the right order."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog

from backend.domain.billing_calendar import JST, BillingCalendar
from backend.failpoints import failpoint
from backend.store import jobs as runs
from backend.store.acting import TIMETABLE as BY_ITSELF
from backend.store.acting import acting
from backend.store.engine import transaction
from backend.usecases.services import Services
from backend.usecases.tell_of_waiting_jobs import WaitingJob, tell_of_waiting
from scheduler.jobs import TIMETABLE, Job, JobMustWaitError

_LOOK_BACK = timedelta(days=62)  # older periods of a job have been swallowed by newer ones
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRun:
    """A job with its newest due date, and the older dates that this run covers as well."""

    job: Job
    run_on: date
    passed_over: tuple[date, ...]
    due_since: datetime  # the oldest date that waits; a job that never ran has only its newest one


def due_runs(*, calendar: BillingCalendar, last_runs: dict[str, date], now: datetime) -> list[DueRun]:
    """What is due, in the order of the timetable; pure.

    Only the newest date of a job runs: jobs work by state, so it does the work of the missed ones too, and a
    customer does not get the reminders of two days at once.
    """
    due = []
    for job in TIMETABLE:
        dates = _dates_since(job, calendar=calendar, last=last_runs.get(job.name), now=now)
        if dates:
            oldest = dates[0] if job.name in last_runs else dates[-1]
            since = datetime.combine(oldest, job.runs_at(calendar), tzinfo=JST)
            due.append(DueRun(job=job, run_on=dates[-1], passed_over=tuple(dates[:-1]), due_since=since))
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

    One that must wait, or fails, lets the others pass, except those that need the work of a failed one; all are due
    again next time, and people are told of what has not been done for a day.
    The run key is written after the work, under the timetable's lock: a kill in between repeats the work,
    which is harmless because every job works by state with unique keys (f8, f9).

    Raises:
        ExceptionGroup: what went wrong in jobs, after the others have run.
    """
    async with runs.timetable_lock(services.engine):
        async with transaction(services.engine) as connection:
            last_runs = await runs.last_runs(connection)
        look = Look(due=due_runs(calendar=services.calendar, last_runs=last_runs, now=now))
        for run in look.due:
            await _try(services, run, look, now=now)
        await tell_of_waiting(services, look.waiting, done=look.done, now=now)
    if look.problems:
        raise ExceptionGroup("jobs of the timetable failed", look.problems)
    return look.done


@dataclass(slots=True, kw_only=True)
class Look:
    """What one look at the timetable has come to so far."""

    due: list[DueRun]
    done: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    waiting: list[WaitingJob] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)

    def put_off(self, run: DueRun, reason: str) -> None:
        """It is due again at the next look."""
        log.warning("job_waits", job=run.job.name, run_on=str(run.run_on), reason=reason)
        self.waiting.append(WaitingJob(job=run.job.name, due_since=run.due_since, reason=reason))


async def _try(services: Services, run: DueRun, look: Look, *, now: datetime) -> None:
    if missing := look.failed.intersection(run.job.needs):
        look.failed.add(run.job.name)
        look.put_off(run, f"it needs the work of {', '.join(sorted(missing))}")
        return
    try:
        with acting(actor=BY_ITSELF, cause=run.job.name):
            outcome = await run.job.run(services, run.run_on, now)
        failpoint("after-job")
        await _record(services, run, outcome=str(outcome), now=now)
    except JobMustWaitError as reason:
        look.put_off(run, str(reason))
        return
    except Exception as problem:  # noqa: BLE001 - a door: the other jobs go on, and all problems are raised at the end
        look.failed.add(run.job.name)
        problem.add_note(f"in the job {run.job.name}")
        look.problems.append(problem)
        look.put_off(run, f"it failed: {type(problem).__name__}")
        return
    look.done.append(run.job.name)
    log.info("job_done", job=run.job.name, run_on=str(run.run_on), outcome=str(outcome))


async def _record(services: Services, run: DueRun, *, outcome: str, now: datetime) -> None:
    async with transaction(services.engine) as connection:
        for day in run.passed_over:
            covered = f"covered by {run.run_on}"
            await runs.record_run(connection, job=run.job.name, run_on=day, outcome=covered, now=now)
        await runs.record_run(connection, job=run.job.name, run_on=run.run_on, outcome=outcome, now=now)
        failpoint("inside-run-key")
