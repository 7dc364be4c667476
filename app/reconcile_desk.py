"""What `reconcile` does and says: the walk on the whole product, its result as lines or as JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime

import typer

from app.command import services_for_command
from backend.domain.billing_calendar import JST
from backend.ports import GatewayUnavailableError
from backend.store import reconciliation_matching
from backend.store.engine import transaction
from backend.store.reconciliation_matching import OpenException
from backend.usecases.reconcile import ReconciliationReport, reconcile
from backend.usecases.services import Services

FITS, OPEN, UNREADABLE = 0, 1, 3


def reconcile_command(*, since: datetime | None, until: datetime | None, as_json: bool) -> int:
    """Walk and print; returns the exit status: 0 nothing is open, 1 something is, 3 the gateway cannot be asked."""

    async def work(services: Services) -> int:
        report = await reconcile(services, since=since, until=until, now=services.clock.now())
        listed = await list_exceptions(services)
        typer.echo(as_data(report, listed) if as_json else as_text(report, listed))
        return OPEN if listed else FITS

    return run_with_services(work)


def run_with_services(work: Callable[[Services], Awaitable[int]]) -> int:
    """Run one command; a gateway that cannot be asked is a sentence and a status."""

    async def wired() -> int:
        async with services_for_command() as services:
            return await work(services)

    try:
        return asyncio.run(wired())
    except GatewayUnavailableError as problem:
        typer.echo(f"The gateway's books cannot be read now ({problem}). Try again later.", err=True)
        return UNREADABLE


async def list_exceptions(services: Services) -> Sequence[OpenException]:
    """What is open, oldest first."""
    async with transaction(services.engine) as connection:
        return await reconciliation_matching.open_exceptions(connection)


def exception_line(each: OpenException) -> str:
    """One exception in one line: number, kind, what is named, whose and how much."""
    amount = f"{each.amount:,} yen" if each.amount is not None else ""
    order = f"order {each.order_number}" if each.order_number else ""
    accepted = f"accepted by {each.accepted_by}" if each.accepted_by else ""
    why = str(each.detail.get("why", ""))
    parts = (f"{each.id:6}", each.kind, each.reference, order, amount, why, accepted)
    return "  ".join(part for part in parts if part)


def as_text(report: ReconciliationReport, listed: Sequence[OpenException]) -> str:
    """The walk in a few lines, then every open exception."""
    lines = [
        f"{report.since.astimezone(JST):%Y-%m-%d %H:%M} - {report.until.astimezone(JST):%Y-%m-%d %H:%M}",
        f"{report.transactions:6}  new movements, {report.settlements} new payout lines",
        f"{report.asked_again:6}  attempts asked about again",
        f"{report.fitting:6}  movements fit",
        f"{report.listed:6}  exceptions are new, {report.explained} have explained themselves",
        f"{len(listed):6}  exceptions are open",
    ]
    return "\n".join([*lines, *map(exception_line, listed)])


def as_data(report: ReconciliationReport, listed: Sequence[OpenException]) -> str:
    """The same as JSON."""
    data = {"walk": asdict(report), "open": [asdict(each) for each in listed]}
    return json.dumps(data, default=str, ensure_ascii=False, indent=2)
