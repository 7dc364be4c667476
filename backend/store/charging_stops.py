"""SQL for the brake: while a stop is open, no attempt of its scope is prepared by a press or sent by a worker."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import StopReason, StopScope

# A stop for the same reason that is wider than the open one widens it; nothing narrows it but lifting.
_STOP = text("""
INSERT INTO charging_stop (reason, scope, detail, stopped_at)
VALUES (:reason, :scope, CAST(:detail AS jsonb), :now)
ON CONFLICT (reason) WHERE lifted_at IS NULL DO UPDATE SET scope = excluded.scope, detail = excluded.detail
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

# A press that was not sent before everything was stopped is not sent hours later, when its payer is gone: it is taken
# back, also when the stop was lifted before anybody could look. The lease keeps the payer's own process undisturbed.
# A restored database does not know what has been sent: behind the gate only the process that pressed may say so.
_WITHDRAW_PRESSES = text("""
WITH withdrawn AS (
  UPDATE payment_attempt p SET state = 'withdrawn', settled_at = :now, lease_until = NULL
  WHERE p.state = 'prepared' AND p.origin = 'link' AND coalesce(p.batch_id, 0) = 0 AND NOT p.is_canary
    AND (p.id = CAST(:attempt_id AS uuid)
      OR CAST(:attempt_id AS uuid) IS NULL AND (p.lease_until IS NULL OR p.lease_until < clock_timestamp())
        AND NOT (SELECT database_has_moved())
        AND NOT EXISTS (SELECT FROM charging_stop g WHERE g.reason = 'restore_gate' AND g.lifted_at IS NULL))
    AND EXISTS (SELECT FROM charging_stop s
                WHERE s.scope = 'all' AND (s.lifted_at IS NULL OR s.lifted_at > p.created_at))
  RETURNING p.id
), released AS (
  DELETE FROM bill_claim USING withdrawn WHERE bill_claim.attempt_id = withdrawn.id
)
SELECT count(*) FROM withdrawn
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


async def withdraw_presses(connection: AsyncConnection, *, now: datetime, attempt_id: UUID | None = None) -> int:
    """Take back presses that a full stop overtook; with `attempt_id` that one, else all that nobody works on."""
    values = {"now": now, "attempt_id": attempt_id}
    return int((await connection.execute(_WITHDRAW_PRESSES, values)).scalar_one())
