"""Imports a bill file, all or nothing: every refused line is listed, the same file again changes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.domain.bill_refusal import Column, Refusal, RefusalCode, Refusals
from backend.failpoints import failpoint
from backend.store.bill_amendment import Amended, amend_bills, find_unamendable
from backend.store.bill_conflicts import (
    find_conflicts,
    find_repeated_bills,
    find_repeated_months,
    match_ledger,
)
from backend.store.bill_import import AccountCounts, write_accounts, write_new_bills
from backend.store.bill_staging import FirstLine, Staged, first_staged, open_staging, stage
from backend.usecases.bill_file.header import Header
from backend.usecases.bill_file.reading import read_first_line, read_records
from backend.usecases.bill_file.survey import survey


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, or with `is_dry_run` would do. With refusals, listed by line, it did nothing at all."""

    is_dry_run: bool
    encoding: str | None = None
    first_line: FirstLine | None = None  # of a dry run, for the eye of whoever is about to import
    lines: int = 0  # good lines with a bill
    new_bills: int = 0
    unchanged_bills: int = 0
    amended_bills: int = 0
    undone_requests: int = 0
    new_accounts: int = 0
    updated_accounts: int = 0
    new_phones: int = 0
    refusals: tuple[Refusal, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether no line was refused."""
        return not self.refusals


async def import_bills(
    engine: AsyncEngine,
    *,
    source: Path,
    now: datetime,
    amend: bool,
    dry_run: bool,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Read, check and write a bill file in one transaction.

    `amend` lets a bill that is already known be replaced by one with other values, as long as no money
    moves on it. `progress` is told the bytes of the file that were read so far.

    Raises:
        OSError: the file cannot be read.
    """
    surveyed = await asyncio.to_thread(survey, source)
    if isinstance(surveyed, Refusal):
        return _refused_file((surveyed,), encoding=None, is_dry_run=dry_run)
    header = read_first_line(source, surveyed)
    if not isinstance(header, Header):
        return _refused_file(header, encoding=surveyed.encoding, is_dry_run=dry_run)
    refusals = Refusals()
    records = read_records(source, surveyed, header=header, refusals=refusals, progress=progress)
    async with engine.connect() as connection, connection.begin() as step:
        await open_staging(connection)
        staged = await stage(connection, records)
        first_line = await first_staged(connection) if dry_run else None
        await _check(connection, staged, amend=amend, refusals=refusals)
        written = _NOTHING
        if not refusals:
            written = await _write(connection, has_email=Column.EMAIL in header.columns, now=now)
        if dry_run or refusals:
            await step.rollback()
        failpoint("inside-import")
    failpoint("after-import")
    report = _report(staged, written, refusals, encoding=surveyed.encoding, is_dry_run=dry_run)
    return replace(report, first_line=first_line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    accounts: AccountCounts
    amended: Amended
    new_bills: int


_NOTHING = _Written(
    accounts=AccountCounts(new=0, updated=0, new_phones=0),
    amended=Amended(bills=0, undone_requests=0),
    new_bills=0,
)


async def _check(connection: AsyncConnection, staged: Staged, *, amend: bool, refusals: Refusals) -> None:
    """Add what the lines say against each other and against the ledger."""
    if not staged.lines and not refusals:
        refusals.add(Refusal(line=1, column=None, code=RefusalCode.NO_ROWS))
    refusals.add(*await find_repeated_bills(connection))
    if staged.lines != staged.customers:
        refusals.add(*await find_repeated_months(connection))
    await match_ledger(connection)
    refusals.add(*await find_conflicts(connection, amend=amend))
    if amend:
        refusals.add(*await find_unamendable(connection))


async def _write(connection: AsyncConnection, *, has_email: bool, now: datetime) -> _Written:
    """Write a file that nothing speaks against. Only amendments are left where lines differ from the ledger."""
    accounts = await write_accounts(connection, has_email=has_email, now=now)
    amended = await amend_bills(connection, now=now)
    new = await write_new_bills(connection, now=now)
    return _Written(accounts=accounts, amended=amended, new_bills=new)


def _refused_file(refusals: tuple[Refusal, ...], *, encoding: str | None, is_dry_run: bool) -> ImportReport:
    return ImportReport(is_dry_run=is_dry_run, encoding=encoding, refusals=refusals)


def _report(staged: Staged, written: _Written, refusals: Refusals, *, encoding: str, is_dry_run: bool) -> ImportReport:
    unchanged = staged.lines - written.new_bills - written.amended.bills
    return ImportReport(
        is_dry_run=is_dry_run,
        encoding=encoding,
        lines=staged.lines,
        new_bills=written.new_bills,
        unchanged_bills=0 if refusals else unchanged,
        amended_bills=written.amended.bills,
        undone_requests=written.amended.undone_requests,
        new_accounts=written.accounts.new,
        updated_accounts=written.accounts.updated,
        new_phones=written.accounts.new_phones,
        refusals=refusals.listed(),
    )
