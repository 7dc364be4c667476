"""The commands `receipt ...`: money that came by bank, shop or cash; the work is done at `app/receipt_desk.py`."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from app.command import open_engine, services_for_command, settings_or_exit
from backend.domain.states import ReceiptKind

_PERSON = typer.Option(help="Your own name.")
_NUMBER = typer.Argument(min=1, help="As `receipt list` shows it.")

receipt_cli = typer.Typer(no_args_is_help=True, help="Money that came by bank, shop or cash.")


@receipt_cli.command()
def record(
    bill_number: Annotated[str, typer.Argument(help="The number of the bill that was paid.")],
    *,
    kind: Annotated[ReceiptKind, typer.Option(help="How the money came.")],
    reference: Annotated[str, typer.Option(help="The bank's or the shop's own number.")],
    amount: Annotated[int, typer.Option(help="Yen; must be the bill's amount.")],
    received_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day the money arrived.")],
    by: Annotated[str, _PERSON],
) -> None:
    """Write it down: no card is charged for the bill from now on. Another person approves it."""
    from app.receipt_desk import record_command  # noqa: PLC0415
    from backend.usecases.record_receipt import NewReceipt  # noqa: PLC0415

    receipt = NewReceipt(
        bill_number=bill_number,
        kind=kind,
        reference=reference,
        amount=amount,
        received_on=received_on.date(),
        recorded_by=by,
    )
    raise typer.Exit(asyncio.run(record_command(receipt, open_services=services_for_command)))


@receipt_cli.command()
def approve(receipt: Annotated[int, _NUMBER], *, by: Annotated[str, _PERSON]) -> None:
    """You have seen the money too: the bill is paid."""
    from app.receipt_desk import approve_command  # noqa: PLC0415

    raise typer.Exit(asyncio.run(approve_command(receipt, by=by, open_services=services_for_command)))


@receipt_cli.command()
def reject(receipt: Annotated[int, _NUMBER], *, by: Annotated[str, _PERSON]) -> None:
    """It was not for this bill: the bill can be paid again."""
    from app.receipt_desk import reject_command  # noqa: PLC0415

    raise typer.Exit(asyncio.run(reject_command(receipt, by=by, open_services=services_for_command)))


@receipt_cli.command(name="list")
def list_waiting() -> None:
    """Show what waits for a second person."""
    from app.receipt_desk import list_command  # noqa: PLC0415

    raise typer.Exit(asyncio.run(list_command(open_engine=partial(open_engine, settings_or_exit()))))
