"""Turn automatic charges that nobody may send unasked into requests that are paid by URL (invariants 9-11)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import NoticeKind
from backend.store import links, notices, unwanted_charges
from backend.usecases.services import Services


async def ask_instead_of_charging(
    services: Services, connection: AsyncConnection, *, request_ids: Sequence[int], now: datetime
) -> list[int]:
    """Send the URLs of those of these requests whose charge waits and may not go; returns them."""
    if not request_ids:
        return []
    ids = await unwanted_charges.take_back(connection, request_ids=request_ids, now=now)
    await links.create_links(connection, request_ids=ids, secret=services.link_secret, now=now)
    await notices.enqueue_for_requests(
        connection,
        kind=NoticeKind.PAYMENT_LINK,
        request_ids=ids,
        now=now,
        not_before=services.calendar.next_sending_at(now),
    )
    return ids
