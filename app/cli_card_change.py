"""The command `withdraw-card-change`: its option; what it does is in app/card_change_desk.py."""

import asyncio
from typing import Annotated

import typer

from app.command import services_for_command


def withdraw_card_change(*, customer: Annotated[str, typer.Option(help="The customer number.")]) -> None:
    """Take back an application for another card: the registered one is charged again from the next bill on."""
    from app.card_change_desk import withdraw_command  # noqa: PLC0415 - a quick command line

    raise typer.Exit(asyncio.run(withdraw_command(customer, open_services=services_for_command)))
