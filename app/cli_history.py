"""The command `history`: every step of one order, who took it and by which word of the gateway."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.billing_calendar import JST
from backend.store.engine import transaction
from backend.store.history import Step, steps_of

OpenEngine = Callable[[], AbstractAsyncContextManager[AsyncEngine]]

DONE, NOT_FOUND = 0, 1
_NAMES = {
    "bill": "bill",
    "payment_request": "order",
    "payment_attempt": "payment",
    "card_on_file": "card",
    "refund": "refund",
    "notice": "notice",
}


def history_command(*, open_engine: OpenEngine, order_number: str) -> int:
    """Print the order's steps, oldest first; returns 0, or 1 when there is no such order."""

    async def work() -> Sequence[Step]:
        async with open_engine() as engine, transaction(engine) as connection:
            return await steps_of(connection, order_number=order_number)

    steps = asyncio.run(work())
    for each in steps:
        typer.echo(step_line(each))
    if not steps:
        typer.echo(f"There is no order {order_number}.", err=True)
        return NOT_FOUND
    return DONE


def step_line(step: Step) -> str:
    """One step in one line: when, what, from which state to which, by whom and why, on which evidence."""
    moved = f"{step.state_before} -> {step.state_after}" if step.state_before else f"begins as {step.state_after}"
    parts = [f"{step.at.astimezone(JST):%Y-%m-%d %H:%M:%S}", f"{_NAMES[step.entity]} {step.name}", moved]
    if step.actor:
        parts.append(f"by {step.actor} ({step.cause})")
    elif step.cause:
        parts.append(f"because: {step.cause}")
    if step.evidence_id:
        request = f", request {step.provider_request_id}" if step.provider_request_id else ""
        parts.append(f"evidence {step.evidence_id} ({step.evidence_source}{request})")
    return "  ".join(parts)
