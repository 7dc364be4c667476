"""Finish the closing of requests whose last day is over; who pressed in time and was not charged is told (R05, R06)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import NoticeKind
from backend.store import closing, notices, unopened_links
from backend.usecases.services import Services


async def finish_closing(services: Services, connection: AsyncConnection, *, now: datetime) -> int:
    """Expire what nothing holds any more; returns how many requests expired.

    A press that was never sent ends with the month. Its payer's page promised a message. Whose URL perhaps never came
    is one for people (f53).
    """
    pressed = await closing.withdraw_unsent(connection, now=now)
    expired = await closing.expire_closing(connection, now=now)
    await unopened_links.report_never_seen(connection, request_ids=expired, now=now)
    await tell_of_next_month(services, connection, request_ids=sorted({*pressed} & {*expired}), now=now)
    return len(expired)


async def tell_of_next_month(
    services: Services, connection: AsyncConnection, *, request_ids: Sequence[int], now: datetime
) -> None:
    """The last day is over and nothing was paid: a dead URL helps nobody, the day of the next one does (R06)."""
    if not request_ids:
        return
    await notices.enqueue_for_requests(
        connection,
        kind=NoticeKind.CHARGE_CARRIED_OVER,
        request_ids=request_ids,
        now=now,
        not_before=services.calendar.next_sending_at(now),
        priority=4,
        next_opening_on=services.calendar.next_opening_on(jst_date(now)),
    )
