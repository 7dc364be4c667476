"""Stop charging so that nobody misses it."""

from collections.abc import Mapping
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import StopReason, StopScope
from backend.store import charging_stops, tasks

log = structlog.get_logger()


async def stop_and_tell(
    connection: AsyncConnection, *, reason: StopReason, scope: StopScope, detail: Mapping[str, object], now: datetime
) -> bool:
    """Stop charging, with a matter on the list and an error in the log; False if it was stopped for this already."""
    is_new = await charging_stops.stop_charging(connection, reason=reason, scope=scope, detail=detail, now=now)
    if is_new:
        log.error("charging_stopped", reason=reason, scope=scope, **detail)
        await tasks.raise_task(
            connection,
            kind="charging_stopped",
            subject=f"{reason}:{scope}:{now.timestamp():.0f}",
            account_id=None,
            detail={"reason": reason, "scope": scope, **detail},
            now=now,
        )
    return is_new
