"""The desk for refunds, as its two persons meet it: each command says what became of it and returns its exit status."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import typer

from backend.store import refunds
from backend.store.engine import transaction
from backend.usecases.refund_payment import RefundObstacle, approve_refund, request_refund, withdraw_refund
from backend.usecases.refund_wording import (
    approved_sentence,
    obstacle_sentence,
    refund_lines,
    requested_sentence,
    withdrawn_sentence,
)
from backend.usecases.services import Services

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]

DONE, REFUSED = 0, 1


async def request_command(
    transaction_id: str, *, amount: int | None, reason: str, by: str, open_services: OpenServices
) -> int:
    """Ask for a refund; 1 when it is not taken on."""
    async with open_services() as services:
        answer = await request_refund(
            services, transaction_id=transaction_id, amount=amount, reason=reason, by=by, now=services.clock.now()
        )
    if isinstance(answer, RefundObstacle):
        return _refused(answer, hint=transaction_id)
    typer.echo(requested_sentence(answer))
    return DONE


async def approve_command(refund_id: UUID, *, by: str, open_services: OpenServices) -> int:
    """Approve another person's refund; 1 when that is not possible."""
    async with open_services() as services:
        answer = await approve_refund(services, refund_id=refund_id, by=by, now=services.clock.now())
    if isinstance(answer, RefundObstacle):
        return _refused(answer, hint=str(refund_id))
    typer.echo(approved_sentence(answer))
    return DONE


async def withdraw_command(refund_id: UUID, *, by: str, open_services: OpenServices) -> int:
    """Take a refund back that was not sent; 1 when it is too late."""
    async with open_services() as services:
        answer = await withdraw_refund(services, refund_id=refund_id, by=by, now=services.clock.now())
    if isinstance(answer, RefundObstacle):
        return _refused(answer, hint=str(refund_id))
    typer.echo(withdrawn_sentence(answer))
    return DONE


async def list_command(*, is_all: bool, open_services: OpenServices) -> int:
    """Show the refunds on their way, or all of them."""
    async with open_services() as services, transaction(services.engine) as connection:
        listed = await refunds.list_refunds(connection, is_all=is_all)
    for line in refund_lines(listed):
        typer.echo(line)
    return DONE


def _refused(obstacle: RefundObstacle, *, hint: str) -> int:
    typer.echo(obstacle_sentence(obstacle, hint=hint), err=True)
    return REFUSED
