"""The command line: one command a process of the Procfile, and the operator's commands."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli_brake import brake_cli
from app.cli_card_change import withdraw_card_change
from app.cli_gate import gate_cli
from app.cli_link import unlock_url
from app.cli_month import month_cli
from app.cli_receipt import receipt_cli
from app.cli_reconcile import reconcile
from app.cli_refund import refund_cli
from app.cli_verify import verify_cli
from app.command import DATABASE_TROUBLE, USAGE, now_of, open_engine, services_for, settings_or_exit
from app.logs import configure_logs
from app.settings import ClockKind, Settings
from app.start_checks import CannotBeginError, check_demo_ports, check_ports, only_demo

_WENT_BACK = "The clock goes back: the days from then on come once more. What was sent or charged stays as it is."
_NOT_ALL_DONE = 1
_FRESH = "It has begun with fresh demo data."
_AS_IT_WAS = (
    "The database that DATABASE_URL names has customers already, so that it goes on with what is there, at the time"
    " that it was; for fresh demo data name an empty database, or remove DATABASE_URL."
)

cli = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
cli.add_typer(brake_cli, name="brake")
cli.add_typer(gate_cli, name="gate")
cli.command(name="reconcile")(reconcile)
cli.command(name="withdraw-card-change")(withdraw_card_change)
cli.add_typer(receipt_cli, name="receipt")
cli.add_typer(refund_cli, name="refund")
cli.add_typer(month_cli, name="run-month")
cli.add_typer(verify_cli, name="verify")
cli.command(name="unlock-url")(unlock_url)
task_cli = typer.Typer(no_args_is_help=True, help="The matters that wait for people.")
cli.add_typer(task_cli, name="tasks")


@cli.callback()
def begin(context: typer.Context) -> None:
    """The operator's commands, and one command a process of the Procfile."""
    from backend.store.acting import STAFF, acting  # noqa: PLC0415 - a quick command line

    # Who gives no name is staff all the same; steps, jobs, pages and desks say more precisely who acts.
    context.with_resource(acting(actor=STAFF, cause=str(context.invoked_subcommand)))


def main() -> None:
    """Entry point of the `tsukibarai` command; what people can put right is said in a sentence, without a traceback."""
    try:
        cli()
    except CannotBeginError as refusal:
        typer.echo(str(refusal), err=True)
        sys.exit(USAGE)
    except Exception as problem:
        from backend.store.database_trouble import remedy  # noqa: PLC0415 - a quick command line

        said = remedy(problem)
        if said is None:
            raise
        typer.echo(said, err=True)
        sys.exit(DATABASE_TROUBLE)


def _run(work: Callable[[Settings, asyncio.Event], Awaitable[None]], settings: Settings) -> None:
    """Run until the work ends or SIGTERM / SIGINT asks it to stop."""
    import uvloop  # noqa: PLC0415 - only the long-running processes need it

    async def supervised() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await work(settings, stop)

    uvloop.run(supervised())


@cli.command()
def dev() -> None:
    """Start everything on this machine, with emulated outsiders and demo customers."""
    from app.dev import running_demo  # noqa: PLC0415 - the commands import what they run: a quick command line

    settings = settings_or_exit(clock=ClockKind.SHIFTABLE)
    log_file = settings.data_dir / "tsukibarai.log"

    async def work(settings: Settings, stop: asyncio.Event) -> None:
        async with running_demo(settings) as (_, addresses):
            say = Console(highlight=False).print
            say("\n[bold]Tsukibarai is running.[/bold] Open the phone page first:\n")
            say(f"  phone page        {addresses.phone}")
            say(f"  card change form  {addresses.web}/apply")
            say(f"  card gateway      {addresses.gateway}")
            say(f"  LINE, Twilio      {addresses.line}   {addresses.twilio}")
            say(f"  log               {log_file}\n")
            say(f"{_FRESH if addresses.is_fresh else _AS_IT_WAS} Ctrl+C stops it.\n")
            await stop.wait()

    with only_demo(settings.data_dir):
        check_demo_ports(settings)
        with log_file.open("w", encoding="utf-8") as log:
            configure_logs(to=log)
            _run(work, settings)


@cli.command()
def web() -> None:
    """Serve the pages and the hooks."""
    from app.compose import open_parts  # noqa: PLC0415
    from app.open_services import database_url  # noqa: PLC0415
    from app.web import serve_until_stopped  # noqa: PLC0415

    async def work(settings: Settings, stop: asyncio.Event) -> None:
        async with database_url(settings) as url, open_parts(settings, url=url) as parts:
            _say_started()
            await serve_until_stopped(parts, stop=stop)

    settings = settings_or_exit()
    check_ports(settings.web_host, {"WEB_PORT": settings.web_port}, is_shared=True)
    _run(work, settings)


@cli.command()
def worker() -> None:
    """Charge, send and answer what is due; any number of these may run."""
    from app.compose import open_parts  # noqa: PLC0415
    from app.open_services import database_url  # noqa: PLC0415

    async def work(settings: Settings, stop: asyncio.Event) -> None:
        async with database_url(settings) as url, open_parts(settings, url=url) as parts:
            _say_started()
            await _until_stopped(parts.work(), stop)

    _run(work, settings_or_exit())


@cli.command()
def scheduler() -> None:
    """Watch the timetable; a second one waits for the first."""
    from app.compose import open_parts  # noqa: PLC0415
    from app.open_services import database_url  # noqa: PLC0415
    from scheduler.runner import run_scheduler  # noqa: PLC0415

    async def work(settings: Settings, stop: asyncio.Event) -> None:
        is_shiftable = settings.clock is ClockKind.SHIFTABLE
        every = 1.0 if is_shiftable else 60.0
        async with database_url(settings) as url, open_parts(settings, url=url) as parts:
            _say_started()
            await _until_stopped(
                run_scheduler(parts.services, every_seconds=every, checks_clock=not is_shiftable), stop
            )

    _run(work, settings_or_exit())


def _say_started() -> None:
    """Tell the log that a long-running process is wired and can be asked to stop."""
    import structlog  # noqa: PLC0415 - a quick command line

    structlog.get_logger().info("process_started")


async def _until_stopped(work: Awaitable[None], stop: asyncio.Event) -> None:
    running, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, stopping):
        task.cancel()
    results = await asyncio.gather(running, stopping, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from backend.store.migrate import upgrade  # noqa: PLC0415

    async def work(settings: Settings, _stop: asyncio.Event) -> None:
        async with open_engine(settings) as engine:
            await upgrade(engine)

    _run(work, settings_or_exit())


@cli.command()
def tick(
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="Asia/Tokyo; needs CLOCK=shiftable"),
    ] = None,
) -> None:
    """Do everything that is due now and return (for an external cron); --at first travels there."""
    from app.compose import open_parts  # noqa: PLC0415
    from app.open_services import database_url  # noqa: PLC0415
    from app.tick import ClockWrongError, TimeTravelRefusedError, travel, waiting_jobs  # noqa: PLC0415
    from app.tick import tick as run_tick  # noqa: PLC0415
    from backend.domain.billing_calendar import JST  # noqa: PLC0415

    async def work(settings: Settings, _stop: asyncio.Event) -> None:
        async with database_url(settings) as url, open_parts(settings, url=url) as parts:
            if at is not None and await travel(parts, to=at.replace(tzinfo=JST)):
                typer.echo(_WENT_BACK, err=True)
            jobs = await run_tick(parts)
            waiting = await waiting_jobs(parts)
            nothing = "nothing" if waiting else "nothing was due"
            typer.echo(f"{parts.services.clock.now():%Y-%m-%d %H:%M} done: {', '.join(jobs) or nothing}")
            for job, reason in waiting.items():
                typer.echo(f"{job} is due and waits: {reason}", err=True)
            if waiting:
                raise typer.Exit(_NOT_ALL_DONE)

    try:
        _run(work, settings_or_exit())
    except (ClockWrongError, TimeTravelRefusedError) as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(USAGE if isinstance(refusal, TimeTravelRefusedError) else _NOT_ALL_DONE) from None


@cli.command(name="import-bills")
def import_bills(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    amend: Annotated[bool, typer.Option(help="Accept another amount for a known bill.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, change nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import confirmed bills from a CSV file: all of them, or none with a list of what is wrong."""
    from app.cli_import import import_bills_command  # noqa: PLC0415

    settings = settings_or_exit()
    status = import_bills_command(
        source=file,
        now=asyncio.run(now_of(settings)),
        open_engine=lambda: open_engine(settings),
        amend=amend,
        dry_run=dry_run,
        report=report,
        as_json=as_json,
    )
    if status == 0 and not dry_run:
        _open_at_once(settings)
    raise typer.Exit(status)


def _open_at_once(settings: Settings) -> None:
    """A bill confirmed between the send day and the last fair day goes out at once, not tomorrow (R08)."""
    from backend.usecases.open_payment_requests import open_payment_requests  # noqa: PLC0415
    from backend.usecases.restore_gate import GateClosedError, check_identity  # noqa: PLC0415

    async def work(settings: Settings, _stop: asyncio.Event) -> None:
        async with services_for(settings) as services:
            now = services.clock.now()
            await check_identity(services, now=now)  # a database just restored opens nothing before it is known
            try:
                await open_payment_requests(services, now=now)
            except GateClosedError as closed:  # the bills are in; the timetable asks for them once the gate is open
                typer.echo(f"The bills were imported, and will be asked for later. {closed}", err=True)

    _run(work, settings)


@cli.command()
def sample(
    *,
    customers: Annotated[int, typer.Option(min=1, max=1_000_000)] = 100,
    months: Annotated[int, typer.Option(min=1, max=36)] = 3,
    start: Annotated[str, typer.Option(help="First billing month, such as 2026-11.")] = "2026-11",
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("var/samples"),
    seed: Annotated[int, typer.Option(help="The same seed writes the same files.")] = 1,
) -> None:
    """Write realistic bill files to try the import with."""
    from app.cli_import import sample_command  # noqa: PLC0415

    raise typer.Exit(sample_command(customers=customers, months=months, start=start, out=out, seed=seed))


@cli.command()
def status() -> None:
    """List what waits for people, and what to do first."""
    from app.cli_tasks import status_command  # noqa: PLC0415

    settings = settings_or_exit()
    now = asyncio.run(now_of(settings))
    raise typer.Exit(status_command(open_engine=lambda: open_engine(settings), now=now))


@cli.command()
def history(
    order_number: Annotated[str, typer.Argument(help="As on the customer's page.")],
) -> None:
    """Show what has become of an order: every step, who took it, why, and the gateway's word it rests on."""
    from app.cli_history import history_command  # noqa: PLC0415

    settings = settings_or_exit()
    raise typer.Exit(history_command(open_engine=lambda: open_engine(settings), order_number=order_number))


@task_cli.command(name="done")
def finish_task(
    number: Annotated[int, typer.Argument(min=1, help="As `status` lists it.")],
    *,
    by: Annotated[str, typer.Option(help="Who has settled it.")],
    note: Annotated[str, typer.Option(help="How.")],
) -> None:
    """Take one matter off the list."""
    from app.cli_tasks import finish_command  # noqa: PLC0415

    settings = settings_or_exit()
    now = asyncio.run(now_of(settings))
    status = finish_command(open_engine=lambda: open_engine(settings), task_id=number, by=by, note=note, now=now)
    raise typer.Exit(status)


if __name__ == "__main__":
    main()
