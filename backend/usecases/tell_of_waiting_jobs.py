"""Keep who is due and not done where everybody can see it, and tell people of what has waited for more than a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.domain.billing_calendar import jst_date
from backend.store import jobs, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services

# A job of every day has then been missed once, and has had two hours to catch up (invariant job_overdue).
OVERDUE_AFTER = timedelta(hours=26)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingJob:
    """A job of the timetable that is due since then and could not be done; names no person."""

    job: str
    due_since: datetime
    reason: str


async def tell_of_waiting(
    services: Services, waiting: Sequence[WaitingJob], *, done: Sequence[str], now: datetime
) -> None:
    """Write down exactly these jobs as waiting; each that is overdue becomes a task, once a day, until it is done."""
    async with transaction(services.engine) as connection:
        await jobs.forget_waiting(connection, except_for=[each.job for each in waiting])
        if done:
            settled = {"by": "tsukibarai", "note": "the job has been done"}
            await tasks.settle_about(connection, kind="job_overdue", about=done, **settled, now=now)
        for each in waiting:
            await jobs.note_waiting(connection, job=each.job, due_since=each.due_since, reason=each.reason)
            if now - each.due_since > OVERDUE_AFTER:
                await tasks.raise_task(
                    connection,
                    kind="job_overdue",
                    subject=f"{each.job}:{jst_date(now)}",
                    account_id=None,
                    detail={"job": each.job, "due_since": each.due_since.isoformat(), "reason": each.reason},
                    now=now,
                )
