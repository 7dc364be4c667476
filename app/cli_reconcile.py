"""The command `reconcile`: its options; what it does is in app/reconcile_desk.py."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from backend.domain.billing_calendar import JST

_DAY = ["%Y-%m-%d"]


def reconcile(
    *,
    since: Annotated[datetime | None, typer.Option(formats=_DAY, help="From this day on (Asia/Tokyo).")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="Until this day, included.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Hold the gateway's books against ours, from the end of the last walk on. Status 1: something is not explained."""
    from app.reconcile_desk import reconcile_command  # noqa: PLC0415 - a quick command line

    status = reconcile_command(
        since=since.replace(tzinfo=JST) if since else None,
        until=until.replace(tzinfo=JST) + timedelta(days=1) if until else None,
        as_json=as_json,
    )
    raise typer.Exit(status)
