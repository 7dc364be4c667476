"""Give open requests their payment URL, and tell the payers within the send hours."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import NoticeKind
from backend.store import links, notices
from backend.usecases.services import Services


async def send_urls(
    services: Services,
    connection: AsyncConnection,
    *,
    request_ids: Sequence[int],
    now: datetime,
    kind: NoticeKind = NoticeKind.PAYMENT_LINK,
    occasion: str = "",
    priority: int = 5,
) -> None:
    """Make the links and queue the messages that bring them, in the transaction of their cause (R04, R16)."""
    await links.create_links(connection, request_ids=request_ids, secret=services.link_secret, now=now)
    await notices.enqueue_for_requests(
        connection,
        kind=kind,
        occasion=occasion,
        request_ids=request_ids,
        now=now,
        not_before=services.calendar.next_sending_at(now),
        priority=priority,
    )
