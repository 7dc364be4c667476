"""Take back presses of お支払い that were not sent in time, and tell their payers that nothing was charged."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import NoticeKind
from backend.store import charging_stops, notices, presses
from backend.usecases.services import Services


async def take_back_presses(services: Services, connection: AsyncConnection, *, now: datetime) -> None:
    """Nobody is charged minutes after he pressed: his page says so, and a message, because he was promised one.

    While all charging is stopped no message asks for a payment; the page tells of the pause.
    """
    request_ids = await presses.take_back(connection, now=now)
    if not request_ids or await charging_stops.is_all_stopped(connection):
        return
    await notices.enqueue_for_requests(
        connection,
        kind=NoticeKind.REMINDER,
        request_ids=request_ids,
        now=now,
        not_before=services.calendar.next_sending_at(now),
        occasion=f"press:{now.timestamp():.0f}",
        priority=4,
    )
