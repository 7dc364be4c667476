"""Import what a restored database has forgotten, and open the restore gate when nothing is left unexplained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.domain.states import ExceptionKind, StopReason
from backend.store import charging_stops, jobs, notices, reconciliation_matching, restore_gate
from backend.store.engine import transaction
from backend.store.reconciliation_matching import OpenException
from backend.usecases import send_reminders
from backend.usecases.our_beginning import reach_back
from backend.usecases.reconcile import ReconciliationReport, read_books, reconcile
from backend.usecases.reconcile_lost import Lost, import_lost
from backend.usecases.restore_gate import ClosedBecause, ClosedGate, check_gate, find_closed_gate
from backend.usecases.services import Services

_OVERLAP = timedelta(days=1)
_AHEAD = timedelta(days=1)
_ORDER_NUMBER_LEAP = 1_000_000  # more than any forgotten time can have given out

# While one of these is open, nobody can say that no bill would be charged twice, or no refund sent twice.
_EXPLAIN_FIRST = {
    ExceptionKind.MISSING_LOCALLY,
    ExceptionKind.MISSING_AT_GATEWAY,
    ExceptionKind.AMOUNT_DIFFERS,
    ExceptionKind.STATE_DIFFERS,
    ExceptionKind.CAPTURED_TWICE,
    ExceptionKind.FOREIGN_REFUND,
}


class GateIsOpenError(Exception):
    """The restore gate is open; there is nothing to import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReport:
    """What the import came to. `unexplained` keeps the gate closed until it is explained, resolved or accepted."""

    gate: ClosedGate
    imported: int
    unplaced: tuple[Lost, ...]
    books: ReconciliationReport
    unexplained: tuple[OpenException, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Whether the gate is open now; else what has to be explained first."""

    is_open: bool
    gap: GapReport
    doubtful_notices: int = 0


async def import_gap(services: Services, *, now: datetime) -> GapReport:
    """Read the gateway's books of the forgotten time and give each charge its attempt back. May be run again.

    Raises:
        GateIsOpenError: the gate is open.
        GatewayUnavailableError: the books could not be read to the end; run it again.
    """
    gate = await find_closed_gate(services)
    if gate and gate.because is ClosedBecause.GATEWAY_NOT_ASKED:
        gate = await check_gate(services, now=now)
    if gate is None:
        raise GateIsOpenError("the restore gate is open")
    since = await reach_back(services, since=gate.since or gate.closed_at, overlap=_OVERLAP)
    await read_books(services, since=since, until=now + _AHEAD, now=now)
    imported, unplaced = await import_lost(services, since=since, now=now)
    books = await reconcile(services, since=since, now=now)
    await _describe(services, unplaced)
    return GapReport(
        gate=gate,
        imported=imported,
        unplaced=tuple(unplaced),
        books=books,
        unexplained=tuple(await _unexplained(services)),
    )


async def open_gate(
    services: Services, *, by: str, accept: Sequence[int] = (), note: str = "", now: datetime
) -> Opening:
    """Import once more, and let charging go on if nothing is left unexplained.

    `accept` names exceptions that may stay open: the gate opens, their accounts stay uncharged until they end.

    Raises:
        GateIsOpenError: the gate is open.
        GatewayUnavailableError: the books could not be read to the end; the gate stays closed.
    """
    gap = await import_gap(services, now=now)
    async with transaction(services.engine) as connection:
        for exception_id in accept:
            await reconciliation_matching.accept_exception(
                connection, exception_id=exception_id, by=by, note=note, now=now
            )
    if await _unexplained(services):
        return Opening(is_open=False, gap=gap)
    return Opening(is_open=True, gap=gap, doubtful_notices=await _lift(services, gap.gate, by=by, note=note, now=now))


async def _lift(services: Services, gate: ClosedGate, *, by: str, note: str, now: datetime) -> int:
    remembers_until = gate.remembers_until or gate.closed_at
    async with transaction(services.engine) as connection:
        # Better one reminder too few than two: the lost time has most likely sent those that were due in it.
        for day in services.calendar.reminders_between(remembers_until, gate.closed_at):
            await jobs.record_run(connection, job=send_reminders.JOB, run_on=day, outcome="in the lost time", now=now)
        doubtful = await restore_gate.doubt_restored_notices(connection, remembers_until=remembers_until, now=now)
        sought, unseen = await restore_gate.doubt_told(connection, closed_at=gate.closed_at)
        await notices.report_to_staff(connection, kind="notice_unclear", notice_ids=unseen, now=now)
        await restore_gate.pass_used_order_numbers(
            connection, since=gate.since or gate.closed_at, leap=_ORDER_NUMBER_LEAP
        )
        signs = await restore_gate.read_signs(connection)
        await restore_gate.note_identity(connection, parts=signs, noted_by=by, now=now)
        await restore_gate.finish_tasks(connection, now=now)
        await charging_stops.lift_stop(
            connection, reason=StopReason.RESTORE_GATE, lifted_by=by, note=note or "nothing is unexplained", now=now
        )
    return doubtful + len(sought) + len(unseen)


async def _describe(services: Services, unplaced: Sequence[Lost]) -> None:
    async with transaction(services.engine) as connection:
        for lost in unplaced:
            await reconciliation_matching.describe_missing(
                connection,
                reference=lost.reference,
                order_number=lost.order_number,
                account_id=lost.account_id,
                why=lost.why,
            )


async def _unexplained(services: Services) -> list[OpenException]:
    async with transaction(services.engine) as connection:
        listed = await reconciliation_matching.open_exceptions(connection)
    return [each for each in listed if each.kind in _EXPLAIN_FIRST and each.accepted_at is None]
