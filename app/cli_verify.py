"""The command `verify`: the ledger held against its invariants, a row a violation."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime

import typer

from app.cli_import import OpenEngine
from backend.store.invariants import INVARIANTS, Violation
from backend.usecases.verify_ledger import verify_ledger

HOLDS, BROKEN = 0, 1


def verify_command(*, open_engine: OpenEngine, now: datetime, as_json: bool = False) -> int:
    """Print what breaks an invariant; returns the exit status: 0 all hold, 1 something is wrong.

    A broken money invariant stops charging, as the same check on the timetable does.
    """
    violations = asyncio.run(_verify(open_engine, now))
    if as_json:
        typer.echo(json.dumps([_data(each) for each in violations], ensure_ascii=False, indent=2))
    else:
        for each in violations:
            typer.echo(f"{each.invariant.name}\t{each.subject}\t{each.detail}")
        typer.echo(_summary(violations), err=bool(violations))
    return BROKEN if violations else HOLDS


async def _verify(open_engine: OpenEngine, now: datetime) -> Sequence[Violation]:
    async with open_engine() as engine:
        return await verify_ledger(engine, now=now)


def _summary(violations: Sequence[Violation]) -> str:
    if not violations:
        return f"0 violations in {len(INVARIANTS)} invariants"
    broken = {each.invariant for each in violations}
    brake = "; charging is stopped" if any(each.is_money for each in broken) else ""
    return f"{len(violations)} violations of {len(broken)} in {len(INVARIANTS)} invariants{brake}"


def _data(violation: Violation) -> dict[str, object]:
    invariant = violation.invariant
    return {
        "invariant": invariant.name,
        "sentence": invariant.sentence,
        "is_money": invariant.is_money,
        "subject": violation.subject,
        "detail": violation.detail,
    }
