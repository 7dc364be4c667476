"""The brake in people's hands: stop charging, see why it stands still, let it go on."""

from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.states import StopReason, StopScope
from backend.store import charging_stops
from backend.store.engine import transaction
from backend.usecases.stop_charging import stop_and_tell
from backend.usecases.verify_ledger import verify_ledger

log = structlog.get_logger()


class LiftAnswer(StrEnum):
    """What became of the wish to let charging go on."""

    LIFTED = "lifted"
    NOT_STOPPED = "not_stopped"
    STILL_BROKEN = "still_broken"  # the ledger contradicts itself as before
    HAS_ITS_OWN_DOOR = "has_its_own_door"  # the restore gate is opened by `tsukibarai gate`


async def show_brake(engine: AsyncEngine) -> list[charging_stops.OpenStop]:
    """What holds charging up now, oldest first; empty when nothing does."""
    async with transaction(engine) as connection:
        return await charging_stops.open_stops(connection)


async def pull_brake(engine: AsyncEngine, *, scope: StopScope, by: str, note: str, now: datetime) -> bool:
    """Stop charging by hand; False when it was stopped by hand already, as widely or more.

    From the commit on nothing new is sent. A charge that is on the wire ends as the gateway says.
    """
    async with transaction(engine) as connection:
        return await stop_and_tell(
            connection, reason=StopReason.STAFF, scope=scope, detail={"by": by, "note": note}, now=now
        )


async def lift_brake(engine: AsyncEngine, *, reason: StopReason, by: str, note: str, now: datetime) -> LiftAnswer:
    """Let charging go on as far as this reason is concerned; other reasons hold it up still."""
    if reason is StopReason.RESTORE_GATE:
        return LiftAnswer.HAS_ITS_OWN_DOOR
    if reason is StopReason.BROKEN_INVARIANT and await _is_broken(engine, now=now):
        return LiftAnswer.STILL_BROKEN
    async with transaction(engine) as connection:
        if not await charging_stops.lift_stop(connection, reason=reason, lifted_by=by, note=note, now=now):
            return LiftAnswer.NOT_STOPPED
    log.warning("charging_resumed", reason=reason, by=by, note=note)
    return LiftAnswer.LIFTED


async def _is_broken(engine: AsyncEngine, *, now: datetime) -> bool:
    return any(each.invariant.is_money for each in await verify_ledger(engine, now=now))
