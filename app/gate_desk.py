"""What the `gate` commands do and say: words and exit statuses around the restore gate."""

from collections.abc import Sequence

import typer

from app.reconcile_desk import exception_line, list_exceptions, run_with_services
from backend.domain.billing_calendar import JST
from backend.store import reconciliation_matching
from backend.store.acting import acting, staff
from backend.store.engine import transaction
from backend.usecases.reopen_gate import GapReport, GateIsOpenError, import_gap, open_gate
from backend.usecases.restore_gate import ClosedBecause, ClosedGate, check_gate
from backend.usecases.services import Services

OPEN, CLOSED = 0, 1

_WHY = {
    ClosedBecause.DATABASE_MOVED: "This is not the database that we noted: restored, moved, or a standby took over.",
    ClosedBecause.GATEWAY_IS_NEWER: "The gateway has taken money that this database knows nothing of.",
    ClosedBecause.GATEWAY_NOT_ASKED: "The gateway could not be asked. The worker goes on trying and opens by itself.",
}


def show_gate_command() -> int:
    """Print whether the gate is closed, why, and what is not explained; returns 1 while it is closed."""
    return run_with_services(_show)


def import_gap_command() -> int:
    """Import the forgotten time; returns 1 when something is left unexplained."""
    return run_with_services(_import)


def open_gate_command(*, by: str, accept: Sequence[int], note: str) -> int:
    """Import once more and open; returns 1 when the gate stays closed."""

    async def work(services: Services) -> int:
        now = services.clock.now()
        try:
            with acting(actor=staff(by), cause="gate open"):
                opening = await open_gate(services, by=by, accept=accept, note=note, now=now)
        except GateIsOpenError:
            typer.echo("The gate is open.")
            return OPEN
        _say_gap(opening.gap)
        if not opening.is_open:
            typer.echo("The gate stays closed. Explain, `gate resolve` or --accept what is listed above.")
            return CLOSED
        typer.echo(f"The gate is open. {opening.doubtful_notices} messages may have been sent already: see the tasks.")
        return OPEN

    return run_with_services(work)


def resolve_command(*, number: int, by: str, note: str) -> int:
    """End an exception by hand; returns 1 when there is none of that number."""

    async def work(services: Services) -> int:
        async with transaction(services.engine) as connection:
            is_ended = await reconciliation_matching.resolve_exception(
                connection, exception_id=number, by=by, note=note, now=services.clock.now()
            )
        typer.echo(f"Exception {number} is resolved." if is_ended else f"There is no open exception {number}.")
        return OPEN if is_ended else CLOSED

    return run_with_services(work)


async def _show(services: Services) -> int:
    closed = await check_gate(services, now=services.clock.now())
    for line in gate_lines(closed):
        typer.echo(line)
    for each in await list_exceptions(services):
        typer.echo(exception_line(each))
    return CLOSED if closed else OPEN


async def _import(services: Services) -> int:
    try:
        gap = await import_gap(services, now=services.clock.now())
    except GateIsOpenError:
        typer.echo("The gate is open: there is nothing to import.")
        return OPEN
    _say_gap(gap)
    if gap.unexplained:
        return CLOSED
    typer.echo("Nothing is left unexplained: open it with `tsukibarai gate open --by NAME`.")
    return OPEN


def gate_lines(closed: ClosedGate | None) -> Sequence[str]:
    """The gate in a few lines."""
    if closed is None:
        return ("The gate is open.",)
    since = f"{closed.since.astimezone(JST):%Y-%m-%d %H:%M}" if closed.since else "the beginning"
    signs = ", ".join(f"{name}: {value}" for name, value in closed.detail.items() if name in {"moved", "example"})
    return (
        f"The gate is closed since {closed.closed_at.astimezone(JST):%Y-%m-%d %H:%M} ({closed.because}).",
        _WHY[closed.because],
        f"What happened at the gateway after {since} may be missing here. {signs}".rstrip(),
    )


def _say_gap(gap: GapReport) -> None:
    typer.echo(f"{gap.imported:6}  payments imported")
    typer.echo(f"{gap.books.asked_again:6}  attempts asked about again")
    typer.echo(f"{len(gap.unexplained):6}  not explained")
    for each in gap.unexplained:
        typer.echo(exception_line(each))
