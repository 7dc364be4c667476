"""Turn automatic charges that nobody may send unasked into requests that are paid by URL (invariants 9-11)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store import unwanted_charges
from backend.usecases.send_urls import send_urls
from backend.usecases.services import Services


async def ask_instead_of_charging(
    services: Services, connection: AsyncConnection, *, request_ids: Sequence[int], now: datetime
) -> list[int]:
    """Send the URLs of those of these requests whose charge waits and may not go; returns them."""
    if not request_ids:
        return []
    ids = await unwanted_charges.take_back(connection, request_ids=request_ids, now=now)
    await send_urls(services, connection, request_ids=ids, now=now)
    return ids


async def ask_account_instead(
    services: Services, connection: AsyncConnection, *, account_id: int, now: datetime
) -> None:
    """The same for whatever waits to be charged to this account: another card was applied for, a charge disputed."""
    waiting = await unwanted_charges.waiting_for_account(connection, account_id=account_id)
    await ask_instead_of_charging(services, connection, request_ids=waiting, now=now)
