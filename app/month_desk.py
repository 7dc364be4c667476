"""What the commands of `run-month` do: words around the use cases, no rule of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, aclosing, asynccontextmanager
from datetime import date, datetime
from pathlib import Path

import typer

from app import month_report, month_status
from app.command import settings_or_exit
from app.compose import Parts, open_tools
from app.export import Table, whole_table
from app.month_report import month_words
from app.open_services import database_url
from backend.domain.billing_calendar import JST, BillingCalendar, jst_date
from backend.store import charging_stops
from backend.store.acting import acting, staff
from backend.store.engine import transaction
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.restore_gate import GateClosedError
from backend.usecases.run_month_batches import resume_charging
from backend.usecases.run_month_preview import Unusual, preview_month
from backend.usecases.run_month_withdraw import withdraw_stopped
from backend.usecases.services import Services
from bot import quota_watch

DONE, NOTHING_OPENED = 0, 1


def preview_command(*, on: date | None, out: Path | None, as_json: bool) -> None:
    """Say who would get what on this day (None: now); `out` gets a line a customer."""

    async def work() -> None:
        async with _parts() as parts:
            await _preview(parts, on=on, out=out, as_json=as_json)

    asyncio.run(work())


def open_month_command(*, canary: int | None, as_json: bool) -> int:
    """Open the month now; returns the exit status: 1 when this is no day for it."""

    async def work() -> int:
        async with _parts() as parts:
            return await _open(parts, canary=canary, as_json=as_json)

    return asyncio.run(work())


def status_command(*, as_json: bool) -> None:
    """Say how the newest batches stand."""

    async def work() -> None:
        async with _parts() as parts:
            await _status(parts, as_json=as_json)

    asyncio.run(work())


def resume_command(*, by: str, note: str) -> None:
    """Show the numbers, lift what the batches have stopped, and say what is left."""

    async def work() -> None:
        async with _parts() as parts:
            await _status(parts, as_json=False)
            with acting(actor=staff(by), cause="run-month resume"):
                lifted = await resume_charging(parts.services, by=by, note=note, now=parts.services.clock.now())
            for line in month_status.resumed(lifted, left=await _stops(parts.services)):
                typer.echo(line)

    asyncio.run(work())


def withdraw_command(*, by: str, note: str) -> None:
    """Take back what waits in stopped batches, and say how much that was; behind a closed gate ends with status 1."""

    async def work() -> None:
        async with _parts() as parts:
            services = parts.services
            try:
                with acting(actor=staff(by), cause="run-month withdraw"):
                    withdrawn = await withdraw_stopped(services, by=by, note=note, now=services.clock.now())
            except GateClosedError:
                typer.echo(month_words()["withdraw"]["gate_closed"], err=True)
                raise typer.Exit(1) from None
            typer.echo(month_words()["withdraw"]["done"].format(count=f"{withdrawn:,}"))

    asyncio.run(work())


def by_sms_command(*, by: str, note: str) -> None:
    """Bring by SMS what waits for LINE, and say how many messages that was."""

    async def work() -> None:
        async with _parts() as parts:
            services = parts.services
            moved = await quota_watch.send_by_sms_instead(services, by=by, note=note, now=services.clock.now())
            typer.echo(month_words()["by_sms"]["done"].format(count=f"{moved:,}"))

    asyncio.run(work())


@asynccontextmanager
async def _parts() -> AsyncIterator[Parts]:
    settings = settings_or_exit()
    async with database_url(settings) as url, open_tools(settings, url=url) as parts:
        await parts.services.clock.refresh()
        yield parts


async def _preview(parts: Parts, *, on: date | None, out: Path | None, as_json: bool) -> None:
    services = parts.services
    now = datetime.combine(on, services.calendar.send_from, JST) if on else services.clock.now()
    if not services.calendar.may_open_on(jst_date(now)) and not as_json:
        typer.echo(_closed(services.calendar, jst_date(now)))
        return
    totals = await _add_up(parts, now=now, out=out)
    quota, stops = await parts.line.quota(), await _stops(services)
    if as_json:
        told = month_report.as_data(totals, on=jst_date(now), quota=quota, stops=stops)
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for line in month_report.summary(totals, on=jst_date(now), quota=quota, stops=stops):
        typer.echo(line)
    if out:
        typer.echo(month_words()["preview"]["written"].format(file=out))


async def _add_up(parts: Parts, *, now: datetime, out: Path | None) -> month_report.MonthTotals:
    """Count the customers as they come, and write each down; none is kept."""
    services, settings = parts.services, parts.settings
    totals = month_report.MonthTotals(yen_per_segment=settings.sms_yen_per_segment)
    unusual = Unusual(factor=settings.unusual_amount_factor, yen=settings.unusual_amount_yen)
    with ExitStack() as files:
        table = files.enter_context(_new_table(out)) if out else None
        async with aclosing(preview_month(services, now=now, unusual=unusual)) as chunks:
            async for customers in chunks:
                for customer in customers:
                    one = month_report.priced(customer, wording=parts.wording, base_url=services.public_base_url)
                    totals.add(one)
                    if table:
                        table.add(month_report.table_row(one, totals=totals))
    return totals


def _new_table(out: Path) -> AbstractContextManager[Table]:
    return whole_table(out, header=month_report.header(), last_word=month_words()["preview"]["end_of_table"])


def _closed(calendar: BillingCalendar, day: date) -> str:
    return month_words()["preview"]["closed"].format(
        month=day.month,
        day=day.day,
        first=calendar.send_from_day,
        last=calendar.last_opening_day,
        next=calendar.next_opening_on(day),
    )


async def _stops(services: Services) -> list[str]:
    async with transaction(services.engine) as connection:
        return [stop.reason.value for stop in await charging_stops.open_stops(connection)]


async def _open(parts: Parts, *, canary: int | None, as_json: bool) -> int:
    services, now = parts.services, parts.services.clock.now()
    if not services.calendar.may_open_on(jst_date(now)):
        typer.echo(_closed(services.calendar, jst_date(now)), err=True)
        return NOTHING_OPENED
    opened = await open_payment_requests(services, now=now, canary_size=canary)
    if as_json:
        typer.echo(json.dumps({"by_link": opened.by_link, "automatic": opened.automatic}))
        return DONE
    said = month_words()["run"]["opened"]
    typer.echo(said.format(by_link=f"{opened.by_link:,}", automatic=f"{opened.automatic:,}"))
    await _status(parts, as_json=False)
    return DONE


async def _status(parts: Parts, *, as_json: bool) -> None:
    standing = await month_status.read(parts.services)
    if as_json:
        typer.echo(json.dumps(month_status.as_data(standing), ensure_ascii=False, indent=2))
        return
    for line in month_status.lines(standing):
        typer.echo(line)
