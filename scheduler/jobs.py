"""The timetable as data: which job runs on which days at which hour (Asia/Tokyo), in the order of the month."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from backend.domain.billing_calendar import BillingCalendar
from backend.ports import GatewayUnavailableError
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.reconcile import reconcile
from backend.usecases.restore_gate import ClosedBecause, check_gate, find_closed_gate
from backend.usecases.send_reminders import JOB as REMIND
from backend.usecases.send_reminders import send_reminders
from backend.usecases.services import Services
from backend.usecases.verify_ledger import verify_ledger


class JobMustWaitError(Exception):
    """The job cannot do its work now, and those behind it do not need it: it is due again at the next look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One line of the timetable. `run` gets its day and the time; by state, so that a late run does what is right.

    `needs` names the jobs whose work it builds on: it does not run in a look in which one of them failed.
    """

    name: str
    runs_at: Callable[[BillingCalendar], time]
    runs_on: Callable[[BillingCalendar, date], bool]
    run: Callable[[Services, date, datetime], Awaitable[object]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """Work that repeats every few minutes of every day, done by whichever worker is there first."""

    name: str
    every: timedelta
    run: Callable[[Services, datetime], Awaitable[object]]


async def _expire(services: Services, _run_on: date, now: datetime) -> object:
    return await expire_payment_requests(services, now=now)


async def _reconcile(services: Services, _run_on: date, now: datetime) -> object:
    try:
        report = await reconcile(services, now=now)
    except GatewayUnavailableError as problem:
        raise JobMustWaitError(f"the gateway's books cannot be read: {problem}") from problem
    return f"{report.fitting} fit, {report.listed} listed, {report.explained} explained"


async def _open(services: Services, _run_on: date, now: datetime) -> object:
    if await check_gate(services, now=now):
        raise JobMustWaitError("the restore gate is closed")
    return await open_payment_requests(services, now=now)


async def _remind(services: Services, run_on: date, now: datetime) -> object:
    gate = await find_closed_gate(services)
    if gate and gate.because is not ClosedBecause.GATEWAY_NOT_ASKED:  # the lost time may have reminded them
        raise JobMustWaitError("the restore gate is closed")
    return await send_reminders(services, run_on=run_on, now=now)


# The order is the order of catching up after a downtime: expire, then hold the books against the gateway's, then
# combine and open (which also queues the notices), then remind (f20). What cannot be compared is told to people and
# keeps no month from being opened: whose money is missing here is not charged, and the restore gate looks for itself.
TIMETABLE = (
    Job(
        name="expire",  # R05, R06: every midnight, so that a late or held request is closed soon
        runs_at=lambda _: time(0),
        runs_on=lambda _calendar, _day: True,
        run=_expire,
    ),
    Job(
        name="reconcile",  # f32: every night, before anything is charged
        runs_at=lambda _: time(4),
        runs_on=lambda _calendar, _day: True,
        run=_reconcile,
    ),
    Job(
        name="open",  # R04, R07, R08: from the 10th on, every day that still leaves a fair time
        runs_at=lambda calendar: calendar.send_from,
        runs_on=lambda calendar, day: calendar.may_open_on(day),
        run=_open,
        needs=("expire",),  # a month that was not closed must not be left out of what is combined
    ),
    Job(
        name=REMIND,
        runs_at=lambda calendar: calendar.send_from,
        runs_on=lambda calendar, day: day.day in calendar.reminder_days,
        run=_remind,
        needs=("expire",),  # nobody is reminded of what has ended
    ),
)


async def _verify(services: Services, now: datetime) -> object:
    return await verify_ledger(services.engine, now=now)


PERIODIC = (Periodic(name="verify", every=timedelta(minutes=15), run=_verify),)
