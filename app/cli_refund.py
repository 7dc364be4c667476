"""The commands `refund ...`: money back to a card, on two persons' word; the work is done at `app/refund_desk.py`."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from app.command import services_for_command

_PERSON = typer.Option(help="Your own name.")
_NUMBER = typer.Argument(help="As `refund list` shows it.")

refund_cli = typer.Typer(no_args_is_help=True, help="Money back to a card.")


@refund_cli.command()
def request(
    transaction_id: Annotated[
        str, typer.Argument(help="The transaction ID of the payment, as on the customer's page.")
    ],
    *,
    amount: Annotated[int | None, typer.Option(min=1, help="Yen; everything that is left if not given.")] = None,
    reason: Annotated[str, typer.Option(help="Why the money goes back.")],
    by: Annotated[str, _PERSON],
) -> None:
    """Ask for it: nothing is sent until another person approves."""
    from app.refund_desk import request_command  # noqa: PLC0415

    work = request_command(transaction_id, amount=amount, reason=reason, by=by, open_services=services_for_command)
    raise typer.Exit(asyncio.run(work))


@refund_cli.command()
def approve(refund: Annotated[UUID, _NUMBER], *, by: Annotated[str, _PERSON]) -> None:
    """You agree: a worker sends it, once."""
    from app.refund_desk import approve_command  # noqa: PLC0415

    raise typer.Exit(asyncio.run(approve_command(refund, by=by, open_services=services_for_command)))


@refund_cli.command()
def withdraw(refund: Annotated[UUID, _NUMBER], *, by: Annotated[str, _PERSON]) -> None:
    """Take it back while it was not sent."""
    from app.refund_desk import withdraw_command  # noqa: PLC0415

    raise typer.Exit(asyncio.run(withdraw_command(refund, by=by, open_services=services_for_command)))


@refund_cli.command(name="list")
def list_refunds(
    *, everything: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False
) -> None:
    """Show the refunds on their way."""
    from app.refund_desk import list_command  # noqa: PLC0415

    raise typer.Exit(asyncio.run(list_command(is_all=everything, open_services=services_for_command)))
