"""SQL for the brake: while a stop is open, no attempt of its scope is prepared by a press or sent by a worker."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import StopReason, StopScope

# Whether this database knows what was sent. One that was restored, or has moved under us, takes no charge back: what it
# holds for unsent may have been charged in the time that it has forgotten (f68).
REMEMBERS_ALL = """(NOT (SELECT database_has_moved())
  AND NOT EXISTS (SELECT FROM charging_stop g WHERE g.reason = 'restore_gate' AND g.lifted_at IS NULL))"""

# A database that has moved under us does no work before the gate is closed, which takes a moment: until then nobody
# has set aside what the lost time may have done already (f12).
HAS_SETTLED = """(NOT (SELECT database_has_moved())
  OR EXISTS (SELECT FROM charging_stop g WHERE g.reason = 'restore_gate' AND g.lifted_at IS NULL))"""

# A stop for the same reason that is wider than the open one widens it; nothing narrows it but lifting. It then counts
# from now: what was charged under the narrower one was allowed.
_STOP = text("""
INSERT INTO charging_stop (reason, scope, detail, stopped_at)
VALUES (:reason, :scope, CAST(:detail AS jsonb), :now)
ON CONFLICT (reason) WHERE lifted_at IS NULL DO UPDATE
SET scope = excluded.scope, detail = excluded.detail, stopped_at = excluded.stopped_at
WHERE charging_stop.scope = 'automatic' AND excluded.scope = 'all'
RETURNING id
""")

_LIFT = text("""
UPDATE charging_stop SET lifted_at = :now, lifted_by = :lifted_by, lift_note = :note
WHERE reason = :reason AND lifted_at IS NULL
RETURNING id
""")

_OPEN = text("""
SELECT reason, scope, detail, stopped_at FROM charging_stop WHERE lifted_at IS NULL ORDER BY stopped_at, id
""")


_IS_STOPPED = text("""
SELECT database_has_moved() OR EXISTS (SELECT FROM charging_stop WHERE scope = 'all' AND lifted_at IS NULL)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStop:
    """A stop that nobody has lifted yet."""

    reason: StopReason
    scope: StopScope
    detail: Mapping[str, object]
    stopped_at: datetime


async def stop_charging(
    connection: AsyncConnection,
    *,
    reason: StopReason,
    scope: StopScope,
    detail: Mapping[str, object],
    now: datetime,
) -> bool:
    """Stop charging for this reason; False when it is stopped for it already, as widely or more."""
    values = {"reason": reason, "scope": scope, "detail": json.dumps(detail), "now": now}
    return (await connection.execute(_STOP, values)).scalar_one_or_none() is not None


async def lift_stop(
    connection: AsyncConnection, *, reason: StopReason, lifted_by: str, note: str, now: datetime
) -> bool:
    """Let charging go on as far as this reason is concerned; False when nothing was stopped for it."""
    values = {"reason": reason, "lifted_by": lifted_by, "note": note, "now": now}
    return (await connection.execute(_LIFT, values)).scalar_one_or_none() is not None


async def open_stops(connection: AsyncConnection) -> list[OpenStop]:
    """What holds charging up now, oldest first."""
    rows = (await connection.execute(_OPEN)).mappings()
    return [OpenStop(**{**row, "reason": StopReason(row["reason"]), "scope": StopScope(row["scope"])}) for row in rows]


async def is_all_stopped(connection: AsyncConnection) -> bool:
    """Whether no charge of any kind may be sent."""
    return bool((await connection.execute(_IS_STOPPED)).scalar_one())
