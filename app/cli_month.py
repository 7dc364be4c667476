"""The command `run-month` and those below it: their options; what they do is in app/month_desk.py."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.command import USAGE

month_cli = typer.Typer(help="Open the month, or see beforehand what that brings; watch its charges.")


@month_cli.callback(invoke_without_command=True)
def run_month(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option(help="Show who would get what; change nothing.")] = False,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="With --dry-run: as if opened on this day.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --dry-run: write the customers to this CSV file.")] = None,
    canary: Annotated[int | None, typer.Option(min=0, help="So many customers first; wins over CANARY_SIZE.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print numbers for a program.")] = False,
) -> None:
    """Open the month now, as the timetable would; or show with --dry-run what that would bring."""
    if context.invoked_subcommand is not None:
        return
    from app.month_desk import open_month_command, preview_command  # noqa: PLC0415 - a quick command line

    if out and (not out.parent.is_dir() or (out.exists() and not out.is_file())):
        typer.echo(f"--out needs a file in a folder that exists: {out}", err=True)
        raise typer.Exit(USAGE)
    if dry_run:
        preview_command(on=on.date() if on else None, out=out, as_json=as_json)
    elif on or out:
        typer.echo("--on and --out belong to --dry-run.", err=True)
        raise typer.Exit(USAGE)
    else:
        raise typer.Exit(open_month_command(canary=canary, as_json=as_json))


@month_cli.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print numbers for a program.")] = False) -> None:
    """Show the newest batches of automatic charges, and what stops them."""
    from app.month_desk import status_command  # noqa: PLC0415

    status_command(as_json=as_json)


@month_cli.command()
def resume(
    *,
    by: Annotated[str, typer.Option(help="Who takes the decision.")],
    note: Annotated[str, typer.Option(help="Why it may go on.")],
) -> None:
    """Show the numbers, then let charges go on that a batch has stopped; counting begins anew."""
    from app.month_desk import resume_command  # noqa: PLC0415

    resume_command(by=by, note=note)


@month_cli.command()
def withdraw(
    *,
    by: Annotated[str, typer.Option(help="Who takes the decision.")],
    note: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Take back what waits in stopped batches, so that wrong bills can be corrected; the next opening asks anew."""
    from app.month_desk import withdraw_command  # noqa: PLC0415

    withdraw_command(by=by, note=note)


@month_cli.command("by-sms")
def by_sms(
    *,
    by: Annotated[str, typer.Option(help="Who takes the decision.")],
    note: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Send by SMS what waits for LINE (its monthly quota is used up, or it is down); SMS cost money."""
    from app.month_desk import by_sms_command  # noqa: PLC0415

    by_sms_command(by=by, note=note)
