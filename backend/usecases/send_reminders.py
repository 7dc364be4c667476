"""Remind those who have a working URL and have not paid: on the 15th and the 18th, once each."""

from datetime import date, datetime, timedelta

from backend.domain.states import NoticeKind
from backend.failpoints import failpoint
from backend.store import notices, requests
from backend.store.engine import transaction
from backend.usecases.services import Services

JOB = "remind"  # its name on the timetable
_CHUNK = 10_000
_SINCE_THE_URL = timedelta(days=2)  # who got the URL yesterday needs no reminder today


async def send_reminders(services: Services, *, run_on: date, now: datetime) -> int:
    """Queue one reminder a request for the reminder day `run_on`; running it again, on any day, adds nothing.

    A reminder of an earlier day that still waits goes: one is enough.
    """
    occasion, reminded, after = f"-{run_on:%Y%m%d}", 0, 0
    while True:
        async with transaction(services.engine) as connection:
            ids = await requests.find_unpaid(
                connection, now=now, sent_before=now - _SINCE_THE_URL, after=after, size=_CHUNK
            )
            await notices.withdraw_older_reminders(connection, request_ids=ids, occasion=occasion, now=now)
            await notices.enqueue_for_requests(
                connection,
                kind=NoticeKind.REMINDER,
                occasion=occasion,
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
