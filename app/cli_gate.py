"""The commands `gate`, `gate import`, `gate open` and `gate resolve`: their options; see app/gate_desk.py."""

from typing import Annotated

import typer

gate_cli = typer.Typer(help="After a restore: see what is missing, import it, let charging go on.")


@gate_cli.callback(invoke_without_command=True)
def gate(context: typer.Context) -> None:
    """Show whether the restore gate is closed, why, and what is not explained. Status 1: closed."""
    from app.gate_desk import show_gate_command  # noqa: PLC0415 - a quick command line

    if context.invoked_subcommand is None:
        raise typer.Exit(show_gate_command())


@gate_cli.command(name="import")
def import_gap() -> None:
    """Import the payments of the forgotten time from the gateway. May be run again. Status 1: something is left."""
    from app.gate_desk import import_gap_command  # noqa: PLC0415

    raise typer.Exit(import_gap_command())


@gate_cli.command(name="open")
def open_gate(
    *,
    by: Annotated[str, typer.Option(help="Who opens it.")],
    accept: Annotated[list[int] | None, typer.Option(help="An exception that may stay open, by its number.")] = None,
    note: Annotated[str, typer.Option(help="Why; needed with --accept.")] = "",
) -> None:
    """Import once more, and let charging go on if nothing is left unexplained. Status 1: it stays closed."""
    from app.gate_desk import open_gate_command  # noqa: PLC0415

    if accept and not note.strip():
        raise typer.BadParameter("--accept needs a --note that says why")
    raise typer.Exit(open_gate_command(by=by, accept=accept or (), note=note))


@gate_cli.command()
def resolve(
    number: Annotated[int, typer.Argument(help="The exception, as `gate` or `reconcile` shows it.")],
    *,
    by: Annotated[str, typer.Option(help="Who has settled it.")],
    note: Annotated[str, typer.Option(help="How.")],
) -> None:
    """End an exception that people have settled; its account is charged again."""
    from app.gate_desk import resolve_command  # noqa: PLC0415

    raise typer.Exit(resolve_command(number=number, by=by, note=note))
