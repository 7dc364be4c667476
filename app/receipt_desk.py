"""The desk where two persons write down money that came by bank, shop or cash: words and exit statuses."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.receipt_refusal import ReceiptRefusal
from backend.store.acting import acting, staff
from backend.store.engine import transaction
from backend.store.receipts import find_waiting
from backend.usecases.decide_receipt import approve_receipt, reject_receipt
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.receipt_wording import (
    approved_sentence,
    receipt_messages,
    recorded_sentence,
    refusal_sentence,
    rejected_sentence,
    waiting_lines,
)
from backend.usecases.record_receipt import NewReceipt, record_receipt
from backend.usecases.restore_gate import GateClosedError
from backend.usecases.services import Services

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]
OpenEngine = Callable[[], AbstractAsyncContextManager[AsyncEngine]]

DONE, REFUSED = 0, 1


async def record_command(receipt: NewReceipt, *, open_services: OpenServices) -> int:
    """Record and say how it went; returns the exit status: 0 done, 1 refused."""
    async with open_services() as services:
        with acting(actor=staff(receipt.recorded_by), cause="receipt record"):
            outcome = await record_receipt(services, receipt, now=services.clock.now())
    return _refused(outcome) if isinstance(outcome, ReceiptRefusal) else _done(recorded_sentence(outcome))


async def approve_command(receipt_id: int, *, by: str, open_services: OpenServices) -> int:
    """Approve, and ask at once for what is left of the request (R07); returns the exit status."""
    async with open_services() as services:
        now = services.clock.now()
        with acting(actor=staff(by), cause="receipt approve"):
            outcome = await approve_receipt(services, receipt_id=receipt_id, person=by, now=now)
        if isinstance(outcome, ReceiptRefusal):
            return _refused(outcome)
        _done(approved_sentence(outcome.receipt))
        if outcome.frees_bills:
            with acting(actor=staff(by), cause="receipt approve"):
                await _ask_for_the_rest(services, now=now)
    return DONE


async def _ask_for_the_rest(services: Services, *, now: datetime) -> None:
    try:
        await open_payment_requests(services, now=now)
    except GateClosedError:
        typer.echo(receipt_messages()["report"]["gate_closed"])


async def reject_command(receipt_id: int, *, by: str, open_services: OpenServices) -> int:
    """Reject and say how it went; returns the exit status."""
    async with open_services() as services:
        with acting(actor=staff(by), cause="receipt reject"):
            outcome = await reject_receipt(services, receipt_id=receipt_id, person=by, now=services.clock.now())
    return _refused(outcome) if isinstance(outcome, ReceiptRefusal) else _done(rejected_sentence(outcome))


async def list_command(*, open_engine: OpenEngine) -> int:
    """Print what waits; returns the exit status. Looking needs the database only."""
    async with open_engine() as engine, transaction(engine) as connection:
        waiting = await find_waiting(connection)
    return _done(*waiting_lines(waiting))


def _done(*lines: str) -> int:
    for line in lines:
        typer.echo(line)
    return DONE


def _refused(refusal: ReceiptRefusal) -> int:
    typer.echo(refusal_sentence(refusal), err=True)
    return REFUSED
