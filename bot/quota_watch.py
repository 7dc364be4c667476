"""Watches LINE's monthly quota before it runs out, and brings what it holds back by SMS when people say so (f50)."""

from datetime import datetime, timedelta

import structlog

from backend.domain.billing_calendar import jst_date
from backend.store import line_quota, notices, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services
from bot.channels.line import LineChannel

log = structlog.get_logger()

EVERY = timedelta(hours=1)
_CHUNK = 1_000


async def watch_quota(services: Services, line: LineChannel, *, now: datetime) -> int:
    """Call people when the plan does not allow the pushes to come; returns how many are too few.

    Nothing is stopped here: LINE itself refuses what is too much, and what it refuses waits.
    """
    quota = await line.quota()
    if quota is None:
        return 0  # LINE does not say; asked again in an hour
    month = _month(now)
    async with transaction(services.engine) as connection:
        needed = await line_quota.count_needed(connection, today=jst_date(now))
        short = 0 if quota.left is None else max(needed - quota.left, 0)
        if short:
            detail = {"needed": needed, "left": quota.left}
            await tasks.raise_task(
                connection,
                kind="line_quota_short",
                subject=month,
                account_id=None,
                detail=detail,
                now=now,
                reopens=True,
            )
        else:
            enough = {"by": "tsukibarai", "note": "the quota suffices again"}
            await tasks.settle_task(connection, kind="line_quota_short", subject=month, **enough, now=now)
    return short


async def send_by_sms_instead(services: Services, *, by: str, note: str, now: datetime) -> int:
    """Bring by SMS whatever waits for LINE, on somebody's word; returns how many notices that were.

    A push whose outcome is unclear is not among them: it may have arrived, and goes on under its own key.
    """
    moved = 0
    while True:
        async with transaction(services.engine) as connection:
            waiting = await line_quota.lock_waiting(connection, size=_CHUNK)
            send_at = services.calendar.next_sending_at(now)
            await notices.move_to_sms(
                connection, notice_ids=waiting, failure="by_sms_instead", now=now, not_before=send_at
            )
            await tasks.settle_task(connection, kind="line_quota_short", subject=_month(now), by=by, note=note, now=now)
        if not waiting:
            log.info("sent_by_sms_instead", by=by, note=note, notices=moved)
            return moved
        moved += len(waiting)


def _month(now: datetime) -> str:
    return f"{jst_date(now):%Y-%m}"
