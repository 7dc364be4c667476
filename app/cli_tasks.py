"""The commands `status` and `tasks`: what waits for people, what to do first, and who has settled it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.compose import TEMPLATES
from backend.store import tasks
from backend.store.engine import transaction
from bot.wording_templates import environment, table_of

OpenEngine = Callable[[], AbstractAsyncContextManager[AsyncEngine]]

DONE, NOT_FOUND = 0, 1
_ADVICE = Path("staff", "tasks.toml")
_SEE_DOCS = "see docs/operations.md"


def status_command(*, open_engine: OpenEngine, now: datetime) -> int:
    """Print the open matters, the oldest first, with age and what to do, then how many of each kind; returns 0."""

    async def work() -> list[tasks.OpenTask]:
        async with open_engine() as engine, transaction(engine) as connection:
            return await tasks.list_open(connection)

    found = asyncio.run(work())
    advice = advice_by_kind()
    for task in found:
        about = task.order_number or (f"account {task.account_id}" if task.account_id else "-")
        typer.echo(f"{task.id:6}  {age(now - task.created_at):>4}  {task.kind}  {about}")
        typer.echo(f"        {advice.get(task.kind, _SEE_DOCS)}")
    for kind in sorted({task.kind for task in found}):
        typer.echo(f"{sum(task.kind == kind for task in found):6}  {kind}")
    typer.echo(f"{len(found):6}  in all")
    return DONE


def finish_command(*, open_engine: OpenEngine, task_id: int, by: str, note: str, now: datetime) -> int:
    """Take one matter off the list; returns 0, or 1 when no such matter is open."""

    async def work() -> str | None:
        async with open_engine() as engine, transaction(engine) as connection:
            return await tasks.finish_task(connection, task_id=task_id, by=by, note=note, now=now)

    kind = asyncio.run(work())
    if kind is None:
        typer.echo(f"No open task has the number {task_id}.", err=True)
        return NOT_FOUND
    typer.echo(f"{task_id} {kind}: done by {by}")
    return DONE


def advice_by_kind() -> dict[str, str]:
    """What to do first about each kind of matter, in the staff's language."""
    env = environment(TEMPLATES)
    return {kind: env.from_string(cast("str", words)).render() for kind, words in table_of(TEMPLATES / _ADVICE).items()}


def age(passed: timedelta) -> str:
    """`3d`, `5h` or `12m`."""
    minutes = max(0, int(passed.total_seconds() // 60))
    for unit, size in (("d", 24 * 60), ("h", 60)):
        if minutes >= size:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
