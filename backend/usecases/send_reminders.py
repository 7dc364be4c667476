"""Remind those who have a working URL and have not paid: on the 15th and the 18th, once each."""

from datetime import datetime, timedelta

from backend.domain.billing_calendar import jst_date
from backend.domain.states import NoticeKind
from backend.failpoints import failpoint
from backend.store import notices, requests
from backend.store.engine import transaction
from backend.usecases.services import Services

_CHUNK = 10_000
_SINCE_THE_URL = timedelta(days=2)  # who got the URL yesterday needs no reminder today


async def send_reminders(services: Services, *, now: datetime) -> int:
    """Queue one reminder a request for today; running it again the same day adds nothing."""
    reminded = after = 0
    while True:
        async with transaction(services.engine) as connection:
            ids = await requests.find_unpaid(
                connection, now=now, sent_before=now - _SINCE_THE_URL, after=after, size=_CHUNK
            )
            await notices.enqueue_for_requests(
                connection,
                kind=NoticeKind.REMINDER,
                occasion=f"-{jst_date(now):%Y%m%d}",
                request_ids=ids,
                now=now,
                not_before=services.calendar.next_sending_at(now),
                priority=6,
            )
            failpoint("inside-reminding")
        reminded += len(ids)
        if len(ids) < _CHUNK:
            return reminded
        after = ids[-1]
