"""Finds customers who blocked us without LINE saying so: asks about URLs that nobody opens, and sends one SMS (f49)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, time, timedelta

import structlog

from backend.domain.billing_calendar import JST, jst_date
from backend.store import chats, notices, unopened_links
from backend.store.engine import transaction
from backend.store.unopened_links import UnopenedLink
from backend.usecases.services import Services
from bot.channels.line import LineChannel

log = structlog.get_logger()

EVERY = timedelta(hours=24)
_SILENT_DAYS = 3
_CHUNK = 500
_WINDOW = 20  # questions to LINE at once: far below its limit, and the month's pushes have priority


async def reach_silent_customers(services: Services, line: LineChannel, *, now: datetime) -> int:
    """Ask LINE about everybody who has not opened a URL for three days; returns how many get it by SMS.

    LINE answers 200 to a push that a block swallows, and an `unfollow` can get lost. Its profile tells the truth: who
    is no friend any more gets the same URL by SMS, once. Who is one is left in peace until the reminder.
    """
    sent_before = datetime.combine(jst_date(now) - timedelta(days=_SILENT_DAYS - 1), time(), JST)
    moved = after = 0
    while True:
        async with transaction(services.engine) as connection:
            chunk = await unopened_links.find_unopened(
                connection, now=now, sent_before=sent_before, after=after, size=_CHUNK
            )
        for first in range(0, len(chunk), _WINDOW):
            moved += await _move_unreachable(services, line, chunk[first : first + _WINDOW], now=now)
        if len(chunk) < _CHUNK:
            return moved
        after = chunk[-1].id


async def _move_unreachable(
    services: Services, line: LineChannel, links: Sequence[UnopenedLink], *, now: datetime
) -> int:
    reachable = await asyncio.gather(*(_can_get(line, link) for link in links))
    moved = 0
    for link, can_get in zip(links, reachable, strict=True):
        if can_get is False:  # None: LINE did not say; asked again tomorrow
            moved += await _send_by_sms(services, link, now=now)
    return moved


async def _can_get(line: LineChannel, link: UnopenedLink) -> bool | None:
    return False if link.is_blocked else await line.is_friend(link.line_user_id)


async def _send_by_sms(services: Services, link: UnopenedLink, *, now: datetime) -> bool:
    async with transaction(services.engine) as connection:
        if not await unopened_links.lock_still_silent(connection, notice_id=link.id):
            return False
        await chats.record_following(connection, line_user_id=link.line_user_id, is_blocked=True, at=now)
        send_at = services.calendar.next_sending_at(now)
        await notices.move_to_sms(connection, notice_ids=[link.id], failure="blocked", now=now, not_before=send_at)
    log.info("blocked_without_event", notice=link.id)
    return True
