"""The desk of who calls because a payment URL has stopped after too many tries: words and exit statuses."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import typer

from backend.usecases.locked_links import Unlocking, unlock_url
from backend.usecases.services import Services

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]

DONE, REFUSED = 0, 1

_ANSWERS: Mapping[Unlocking, str] = {
    Unlocking.DONE: "The URL of order {order} works again: the customer opens the same one.",
    Unlocking.NO_SUCH_ORDER: "There is no order {order}.",
    Unlocking.NO_LINK: "Order {order} has no URL that could be used: it is paid, expired or replaced.",
    Unlocking.NOT_LOCKED: "The URL of order {order} is not stopped.",
}


async def unlock_command(order_number: str, *, by: str, note: str, open_services: OpenServices) -> int:
    """Unlock and say how it went; returns the exit status: 0 unlocked, 1 there was nothing to unlock."""
    async with open_services() as services:
        now = services.clock.now()
        outcome = await unlock_url(services, order_number=order_number, by=by, note=note, now=now)
    is_done = outcome is Unlocking.DONE
    typer.echo(_ANSWERS[outcome].format(order=order_number), err=not is_done)
    return DONE if is_done else REFUSED
