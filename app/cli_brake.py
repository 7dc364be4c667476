"""The commands `brake`, `brake stop` and `brake lift`: words and exit statuses around the use cases."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.command import now_of, open_engine, settings_or_exit
from backend.domain.billing_calendar import JST
from backend.domain.states import StopReason, StopScope

T = TypeVar("T")
OpenEngine = Callable[[], AbstractAsyncContextManager[AsyncEngine]]

DONE, REFUSED = 0, 1

_ANSWERS = {
    "lifted": "The stop for {reason} is lifted.",
    "not_stopped": "Nothing is stopped for {reason}.",
    "still_broken": "Refused: money invariants are still broken. See `tsukibarai verify`.",
    "has_its_own_door": "Refused: a restored database is let go on by `tsukibarai gate`.",
}

brake_cli = typer.Typer(help="Stop charging, see why it stands still, let it go on.")


@brake_cli.callback(invoke_without_command=True)
def brake(context: typer.Context) -> None:
    """Show what charging is stopped for; stop it, or let it go on."""
    if context.invoked_subcommand is None:
        raise typer.Exit(show_brake_command(engine_of=partial(open_engine, settings_or_exit())))


@brake_cli.command()
def stop(
    *,
    by: Annotated[str, typer.Option(help="Who stops it.")],
    note: Annotated[str, typer.Option(help="Why.")],
    automatic_only: Annotated[bool, typer.Option("--automatic-only", help="Payers with a URL may go on.")] = False,
) -> None:
    """Stop charging by hand, at once and everywhere."""
    settings = settings_or_exit()
    scope = StopScope.AUTOMATIC if automatic_only else StopScope.ALL
    now = asyncio.run(now_of(settings))
    status = stop_command(engine_of=partial(open_engine, settings), scope=scope, by=by, note=note, now=now)
    raise typer.Exit(status)


@brake_cli.command()
def lift(
    reason: Annotated[StopReason, typer.Argument(help="As `brake` shows it.")],
    *,
    by: Annotated[str, typer.Option(help="Who lets it go on.")],
    note: Annotated[str, typer.Option(help="What was found.")],
) -> None:
    """Let charging go on as far as one reason is concerned."""
    settings = settings_or_exit()
    now = asyncio.run(now_of(settings))
    status = lift_command(engine_of=partial(open_engine, settings), reason=reason, by=by, note=note, now=now)
    raise typer.Exit(status)


def show_brake_command(*, engine_of: OpenEngine) -> int:
    """Print what is stopped and why, oldest first; returns the exit status: 0 nothing is, 1 something is."""
    from backend.usecases.brake import show_brake  # noqa: PLC0415

    stops = asyncio.run(_with_engine(engine_of, show_brake))
    for each in stops:
        since, detail = each.stopped_at.astimezone(JST), json.dumps(each.detail, ensure_ascii=False)
        typer.echo(f"{each.reason}\t{each.scope}\tsince {since:%Y-%m-%d %H:%M}\t{detail}")
    if not stops:
        typer.echo("Nothing is stopped.")
    return REFUSED if stops else DONE


def stop_command(*, engine_of: OpenEngine, scope: StopScope, by: str, note: str, now: datetime) -> int:
    """Pull the brake by hand; stopping what is stopped changes nothing and is no failure."""
    from backend.usecases.brake import pull_brake  # noqa: PLC0415

    is_new = asyncio.run(_with_engine(engine_of, partial(pull_brake, scope=scope, by=by, note=note, now=now)))
    what = "All charging is" if scope is StopScope.ALL else "Automatic charges are"
    typer.echo(f"{what} stopped." if is_new else f"{what} stopped by hand already.")
    return DONE


def lift_command(*, engine_of: OpenEngine, reason: StopReason, by: str, note: str, now: datetime) -> int:
    """Lift the stop for one reason; returns the exit status: 0 lifted, 1 refused or nothing to lift."""
    from backend.usecases.brake import LiftAnswer, lift_brake  # noqa: PLC0415

    answer = asyncio.run(_with_engine(engine_of, partial(lift_brake, reason=reason, by=by, note=note, now=now)))
    typer.echo(_ANSWERS[answer].format(reason=reason), err=answer is not LiftAnswer.LIFTED)
    return DONE if answer is LiftAnswer.LIFTED else REFUSED


async def _with_engine(engine_of: OpenEngine, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    async with engine_of() as engine:
        return await work(engine)
