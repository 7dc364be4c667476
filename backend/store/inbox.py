"""SQL for the inbox: what providers told us, durable before the 2xx, worked on in each customer's order of time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store.charging_stops import HAS_SETTLED

_INSERT = text("""
INSERT INTO inbox_event (source, event_id, order_key, body, state, occurred_at, received_at, not_before)
SELECT e.source, e.event_id, e.order_key, CAST(e.body AS jsonb), 'received', e.occurred_at, :now, :now
FROM unnest(CAST(:sources AS text[]), CAST(:event_ids AS text[]), CAST(:order_keys AS text[]),
  CAST(:bodies AS text[]), CAST(:times AS timestamptz[])) AS e(source, event_id, order_key, body, occurred_at)
ON CONFLICT (source, event_id) DO NOTHING
""")

# Only the oldest open event of a customer may be worked on, by one worker: the order of time is kept.
# Written so that a burst costs little even while PostgreSQL's statistics still say that nothing is open: the look for
# the oldest can only go through the index, and the sort keeps off the primary key with everything that is done.
_CLAIM = text(f"""
UPDATE inbox_event SET state = 'working', attempts = attempts + 1,
  lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE id IN (
  SELECT e.id FROM inbox_event e
  WHERE (e.state = 'received' OR e.state = 'working' AND e.lease_until < clock_timestamp())
    AND e.not_before <= :now AND {HAS_SETTLED}
    AND e.id = (
      SELECT p.id FROM inbox_event p WHERE p.order_key = e.order_key AND p.state IN ('received', 'working')
      ORDER BY p.occurred_at, p.id LIMIT 1)
  ORDER BY e.received_at, e.id LIMIT :size FOR UPDATE SKIP LOCKED)
RETURNING id, source, event_id, order_key, body, attempts, occurred_at, received_at
""")  # noqa: S608 - the condition is ours

# What a customer said is kept in one place, the transcript, where it can be taken back (f59).
_FINISH = text("""
UPDATE inbox_event SET state = 'done', lease_until = NULL, body = CASE
    WHEN source = 'line' AND body->'message' IS NOT NULL THEN body || jsonb_build_object('message',
      jsonb_build_object('id', body#>'{message,id}', 'type', body#>'{message,type}'))
    WHEN source = 'twilio_sms' THEN body - 'Body'
    ELSE body END
WHERE id = ANY(:ids) AND state = 'working'
""")

_ERASE_IN_QUARANTINE = text("""
UPDATE inbox_event SET body = body || jsonb_build_object('message',
  jsonb_build_object('id', body#>'{message,id}', 'type', body#>'{message,type}'))
WHERE state = 'quarantined' AND order_key = :order_key AND source = 'line' AND body#>>'{message,id}' = :message_id
""")

# Only by its holder: who has outlived the lease may not take an event back that another has worked on since.
_POSTPONE = text("""
UPDATE inbox_event SET state = :state, not_before = :not_before, failure = :failure, lease_until = NULL
WHERE id = :id AND state = 'working' AND attempts = :attempts RETURNING id
""")


# What customers said and the lost time may have answered: nobody can see whether, so people look.
_SET_ASIDE = text("""
WITH aside AS (
  UPDATE inbox_event SET state = 'quarantined', failure = 'restored', lease_until = NULL
  WHERE state IN ('received', 'working')
    AND (source = 'twilio_sms' OR source = 'line' AND body->>'type' IN ('message', 'postback', 'follow'))
  RETURNING id, source
)
INSERT INTO staff_task (kind, dedupe_key, account_id, detail, created_at)
SELECT 'event_quarantined', 'event_quarantined:' || id, NULL,
  jsonb_build_object('source', source, 'failure', 'restored'), :now
FROM aside ON CONFLICT (dedupe_key) DO NOTHING
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One verified event; `order_key` names whose order it belongs to. Card-like digits are masked already."""

    source: str
    event_id: str
    order_key: str
    body: Mapping[str, object]
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEvent:
    """An event that this worker holds."""

    id: int
    source: str
    event_id: str
    order_key: str
    body: Mapping[str, object]
    attempts: int
    occurred_at: datetime
    received_at: datetime


async def insert_events(connection: AsyncConnection, *, events: Sequence[NewEvent], now: datetime) -> None:
    """Keep events for later; a redelivered one changes nothing (f54, f96)."""
    values = {
        "sources": [event.source for event in events],
        "event_ids": [event.event_id for event in events],
        "order_keys": [event.order_key for event in events],
        "bodies": [json.dumps(event.body) for event in events],
        "times": [event.occurred_at for event in events],
        "now": now,
    }
    await connection.execute(_INSERT, values)


async def claim_events(
    connection: AsyncConnection, *, now: datetime, size: int, lease_seconds: int
) -> list[InboxEvent]:
    """Take the next events, at most one a customer."""
    values = {"now": now, "size": size, "lease_seconds": lease_seconds}
    return [InboxEvent(**row) for row in (await connection.execute(_CLAIM, values)).mappings()]


async def finish_events(connection: AsyncConnection, *, ids: Sequence[int]) -> None:
    """The events have been applied, in this transaction; what was said is in no event from then on."""
    await connection.execute(_FINISH, {"ids": list(ids)})


async def erase_in_quarantine(connection: AsyncConnection, *, order_key: str, message_id: str) -> None:
    """A LINE message that was taken back loses its text where it was put aside, too (f59)."""
    await connection.execute(_ERASE_IN_QUARANTINE, {"order_key": order_key, "message_id": message_id})


async def postpone_event(
    connection: AsyncConnection, *, event: InboxEvent, state: str, not_before: datetime, failure: str
) -> bool:
    """Put a failed event back for later (`received`), or aside for people (`quarantined`); False: it is not ours."""
    values = {
        "id": event.id,
        "attempts": event.attempts,
        "state": state,
        "not_before": not_before,
        "failure": failure,
    }
    return (await connection.execute(_POSTPONE, values)).one_or_none() is not None


async def set_aside(connection: AsyncConnection, *, now: datetime) -> None:
    """Leave to people what customers said that is not answered here, but perhaps was in the time that is lost."""
    await connection.execute(_SET_ASIDE, {"now": now})
