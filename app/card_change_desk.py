"""The desk of who has applied for another card and calls to take the application back: words and exit statuses."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import typer

from backend.store import accounts
from backend.store.engine import transaction
from backend.usecases.request_card_change import withdraw_card_change
from backend.usecases.services import Services

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]

DONE, REFUSED = 0, 1


async def withdraw_command(customer_number: str, *, open_services: OpenServices) -> int:
    """Withdraw and say how it went; returns the exit status: 0 withdrawn, 1 there was nothing to withdraw."""
    async with open_services() as services:
        async with transaction(services.engine) as connection:
            account_id = await accounts.find_account(connection, customer_number=customer_number)
        if account_id is None:
            return _refused(f"There is no customer {customer_number}.")
        if not await withdraw_card_change(services, account_id=account_id, now=services.clock.now()):
            return _refused(f"Customer {customer_number} has no application that waits.")
    typer.echo(
        f"Withdrawn: customer {customer_number} is charged on the registered card again, from the next bill on."
        " A URL that was already sent stays good."
    )
    return DONE


def _refused(reason: str) -> int:
    typer.echo(reason, err=True)
    return REFUSED
