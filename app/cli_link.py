"""The command `unlock-url`: its options; what it does is in app/link_desk.py."""

import asyncio
from typing import Annotated

import typer

from app.command import services_for_command


def unlock_url(
    order_number: Annotated[str, typer.Argument(help="As on the customer's page.")],
    *,
    by: Annotated[str, typer.Option(help="Who has spoken with the customer.")],
    note: Annotated[str, typer.Option(help="How the customer was recognised.")],
) -> None:
    """Let a payment URL work again that too many tries have stopped; the customer opens the same URL."""
    from app.link_desk import unlock_command  # noqa: PLC0415 - a quick command line

    raise typer.Exit(asyncio.run(unlock_command(order_number, by=by, note=note, open_services=services_for_command)))
