"""The command `verify`: the ledger held against its invariants, a row a violation."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.command import now_of, open_engine, settings_or_exit
from app.logs import configure_logs
from backend.store.invariants import INVARIANTS, Violation

HOLDS, BROKEN = 0, 1


def verify(*, as_json: Annotated[bool, typer.Option("--json", help="Print the violations as JSON.")] = False) -> None:
    """Hold the ledger against its invariants; a broken money invariant stops charging."""
    settings = settings_or_exit()
    configure_logs(to=sys.stderr)  # what is printed is for people, or for a program that reads JSON
    now = asyncio.run(now_of(settings))
    raise typer.Exit(verify_command(engine_of=partial(open_engine, settings), now=now, as_json=as_json))


def verify_command(
    *, engine_of: Callable[[], AbstractAsyncContextManager[AsyncEngine]], now: datetime, as_json: bool = False
) -> int:
    """Print what breaks an invariant; returns the exit status: 0 all hold, 1 something is wrong.

    A broken money invariant stops charging, as the same check on the timetable does.
    """
    from backend.usecases.verify_ledger import verify_ledger  # noqa: PLC0415

    async def find() -> Sequence[Violation]:
        async with engine_of() as engine:
            return await verify_ledger(engine, now=now)

    violations = asyncio.run(find())
    if as_json:
        typer.echo(json.dumps([_data(each) for each in violations], ensure_ascii=False, indent=2))
    else:
        _print(violations)
    return BROKEN if violations else HOLDS


def _print(violations: Sequence[Violation]) -> None:
    for each in violations:
        typer.echo(f"{each.invariant.name}\t{each.subject}\t{each.detail}")
    if not violations:
        typer.echo(f"0 violations in {len(INVARIANTS)} invariants")
        return
    broken = {each.invariant for each in violations}
    brake = "; charging is stopped" if any(each.is_money for each in broken) else ""
    typer.echo(f"{len(violations)} violations of {len(broken)} in {len(INVARIANTS)} invariants{brake}", err=True)


def _data(violation: Violation) -> dict[str, object]:
    invariant = violation.invariant
    return {
        "invariant": invariant.name,
        "sentence": invariant.sentence,
        "is_money": invariant.is_money,
        "subject": violation.subject,
        "detail": violation.detail,
    }
