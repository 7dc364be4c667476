"""The commands `import-bills` and `sample`: words and exit statuses around the use case, no rule of its own."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.ext.asyncio import AsyncEngine

from app.sample_bills import FakerMissingError, SampleOrder, write_samples
from backend.usecases.import_bills import ImportReport, import_bills
from backend.usecases.import_wording import import_messages, report_json, report_lines

OpenEngine = Callable[[], AbstractAsyncContextManager[AsyncEngine]]

ACCEPTED, REFUSED, UNUSABLE = 0, 1, 2


def import_bills_command(
    *,
    source: Path,
    now: datetime,
    open_engine: OpenEngine,
    amend: bool = False,
    dry_run: bool = False,
    report: Path | None = None,
    as_json: bool = False,
) -> int:
    """Import one file and say how it went; returns the exit status: 0 taken, 1 refused, 2 a file cannot be used.

    `report` also writes the machine-readable report there; `as_json` prints it instead of sentences.
    """
    if report is not None and not _is_writable(report):
        return UNUSABLE
    try:
        outcome = asyncio.run(
            _import(
                source,
                size=source.stat().st_size,
                now=now,
                open_engine=open_engine,
                amend=amend,
                dry_run=dry_run,
                is_quiet=as_json,
            )
        )
    except OSError as error:
        _say("unreadable", source, error)
        return UNUSABLE
    if report is not None:
        _write_report(outcome, to=report)
    for line in report_json(outcome) if as_json else report_lines(outcome):
        typer.echo(line)
    return ACCEPTED if outcome.is_accepted else REFUSED


def _is_writable(report: Path) -> bool:
    """Try before anything is imported; an older report stays as it is until there is a new one."""
    try:
        report.open("a").close()
    except OSError as error:
        _say("unwritable", report, error)
        return False
    return True


def _write_report(outcome: ImportReport, *, to: Path) -> None:
    """The import is over: a disk that has become full meanwhile changes nothing about how it went."""
    try:
        with to.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in report_json(outcome))
    except OSError as error:
        _say("report_lost", to, error)


def _say(key: str, file: Path, error: OSError) -> None:
    typer.echo(import_messages()["report"][key].format(file=file, reason=error.strerror), err=True)


async def _import(
    source: Path,
    *,
    size: int,
    now: datetime,
    open_engine: OpenEngine,
    amend: bool,
    dry_run: bool,
    is_quiet: bool,
) -> ImportReport:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    # On the error output, so that a report can be piped; rich shows nothing when nobody watches.
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet, transient=True) as bar:
        task = bar.add_task(import_messages()["report"]["progress"], total=size)
        async with open_engine() as engine:
            return await import_bills(
                engine,
                source=source,
                now=now,
                amend=amend,
                dry_run=dry_run,
                progress=lambda done: bar.update(task, completed=done),
            )


def sample_command(*, customers: int, months: int, start: str, out: Path, seed: int) -> int:
    """Write realistic bill files, one a month, and name them; returns the exit status."""
    words = import_messages()["sample"]
    try:
        files = write_samples(SampleOrder(customers=customers, months=months, start=start, seed=seed), out=out)
    except FakerMissingError:
        typer.echo(words["faker_missing"], err=True)
        return UNUSABLE
    except ValueError:
        typer.echo(words["refused"], err=True)
        return UNUSABLE
    for file in files:
        typer.echo(str(file))
    typer.echo(words["written"].format(count=len(files)), err=True)
    return ACCEPTED
