"""Is this machine's clock right? The database's is the witness: leases live by it, business time by ours (f17)."""

from datetime import datetime, timedelta

from backend.domain.billing_calendar import jst_date
from backend.store import readiness, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services

TOLERANCE = timedelta(minutes=5)


async def is_clock_wrong(services: Services, *, now: datetime) -> bool:
    """Whether `now` is more than five minutes away from the database's time; then people are told, once a day."""
    async with transaction(services.engine) as connection:
        theirs = await readiness.database_time(connection)
        if abs(now - theirs) <= TOLERANCE:
            return False
        await tasks.raise_task(
            connection,
            kind="clock_differs",
            subject=str(jst_date(theirs)),
            account_id=None,
            detail={"seconds": round((now - theirs).total_seconds())},
            now=theirs,
        )
    return True
