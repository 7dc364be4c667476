"""The commands `verify` and `verify accept`: the ledger held against its invariants, a row a violation."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.command import now_of, open_engine, settings_or_exit
from app.logs import configure_logs
from backend.store.invariants import INVARIANTS, Violation
from backend.usecases.verify_ledger import Judgement, judge_ledger

HOLDS, BROKEN = 0, 1

_ANSWERS = {
    "accepted": "Accepted by two persons: it counts no more.",
    "proposed": "Proposed: another person must accept it by the same command.",
    "needs_another": "Refused: you have proposed it yourself; another person must accept it.",
    "not_broken": "Refused: `tsukibarai verify` names no such violation now.",
    "no_word": "Refused: say who you are and why.",
}

verify_cli = typer.Typer(help="Hold the ledger against its invariants.")


@verify_cli.callback(invoke_without_command=True)
def verify(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the violations as JSON.")] = False,
) -> None:
    """Hold the ledger against its invariants; a broken money invariant stops charging."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_or_exit()
    configure_logs(to=sys.stderr)  # what is printed is for people, or for a program that reads JSON
    now = asyncio.run(now_of(settings))
    raise typer.Exit(verify_command(engine_of=partial(open_engine, settings), now=now, as_json=as_json))


@verify_cli.command()
def accept(
    invariant: Annotated[str, typer.Argument(help="Its name, as `verify` prints it.")],
    subject: Annotated[str, typer.Argument(help="What breaks it, as `verify` prints it: 'bill 7'.")],
    *,
    by: Annotated[str, typer.Option(help="Your own name.")],
    note: Annotated[str, typer.Option(help="Why it can stay as it is.")],
) -> None:
    """Let a violation count no more: one person proposes it, another accepts it by the same command."""
    from backend.usecases.accept_violation import AcceptAnswer, accept_violation  # noqa: PLC0415

    settings = settings_or_exit()

    async def judge() -> AcceptAnswer:
        now = await now_of(settings)
        async with open_engine(settings) as engine:
            return await accept_violation(engine, invariant=invariant, subject=subject, by=by, note=note, now=now)

    answer = asyncio.run(judge())
    is_done = answer in {AcceptAnswer.ACCEPTED, AcceptAnswer.PROPOSED}
    typer.echo(_ANSWERS[answer], err=not is_done)
    raise typer.Exit(HOLDS if is_done else BROKEN)


def verify_command(
    *, engine_of: Callable[[], AbstractAsyncContextManager[AsyncEngine]], now: datetime, as_json: bool = False
) -> int:
    """Print what breaks an invariant; returns the exit status: 0 all hold, 1 something is wrong.

    A broken money invariant stops charging, as the same check on the timetable does. What two persons have accepted is
    printed, too, and counts no more.
    """

    async def find() -> Judgement:
        async with engine_of() as engine:
            return await judge_ledger(engine, now=now)

    found = asyncio.run(find())
    if as_json:
        rows = [_data(each, is_accepted=False) for each in found.broken]
        rows += [_data(each, is_accepted=True) for each in found.accepted]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _print(found)
    return BROKEN if found.broken else HOLDS


def _print(found: Judgement) -> None:
    violations = found.broken
    for each in violations:
        typer.echo(f"{each.invariant.name}\t{each.subject}\t{each.detail}")
    for each in found.accepted:
        typer.echo(f"accepted: {each.invariant.name}\t{each.subject}\t{each.detail}")
    if not violations:
        typer.echo(f"0 violations in {len(INVARIANTS)} invariants")
        return
    broken = {each.invariant for each in violations}
    brake = "; charging is stopped" if any(each.is_money for each in broken) else ""
    typer.echo(f"{len(violations)} violations of {len(broken)} in {len(INVARIANTS)} invariants{brake}", err=True)


def _data(violation: Violation, *, is_accepted: bool) -> dict[str, object]:
    invariant = violation.invariant
    return {
        "invariant": invariant.name,
        "sentence": invariant.sentence,
        "is_money": invariant.is_money,
        "subject": violation.subject,
        "detail": violation.detail,
        "is_accepted": is_accepted,
    }
