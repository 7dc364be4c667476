"""Apply what providers told us: each event once, each customer's in order, a broken one never holds up the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from backend.domain.states import InboxState
from backend.store import inbox, tasks
from backend.store.engine import transaction
from backend.usecases.services import Services

_LEASE_SECONDS = 60
_PAUSES = (1, 5, 30, 300)  # seconds before the next tries; after the last the event is put aside for people (f22)
log = structlog.get_logger()

# Applies one event; it may finish the event in its own transaction, so that both are one commit.
Handler = Callable[[inbox.InboxEvent, datetime], Awaitable[None]]


async def work_inbox(services: Services, *, handlers: Mapping[str, Handler], now: datetime, size: int = 50) -> int:
    """Work on the next events; returns how many were taken."""
    async with transaction(services.engine) as connection:
        events = await inbox.claim_events(connection, now=now, size=size, lease_seconds=_LEASE_SECONDS)
    await asyncio.gather(*(_apply(services, handlers[event.source], event, now=now) for event in events))
    return len(events)


async def _apply(services: Services, handler: Handler, event: inbox.InboxEvent, *, now: datetime) -> None:
    try:
        await handler(event, now)
    except Exception as problem:  # a door: whatever one event does, the queue goes on
        log.exception("inbox_event_failed", source=event.source, inbox_event=event.id, attempt=event.attempts)
        await _set_back(services, event, failure=type(problem).__name__, now=now)
        return
    async with transaction(services.engine) as connection:
        await inbox.finish_events(connection, ids=[event.id])


async def _set_back(services: Services, event: inbox.InboxEvent, *, failure: str, now: datetime) -> None:
    is_hopeless = event.attempts > len(_PAUSES)
    pause = timedelta(seconds=0 if is_hopeless else _PAUSES[event.attempts - 1])
    async with transaction(services.engine) as connection:
        await inbox.postpone_event(
            connection,
            event_id=event.id,
            state=InboxState.QUARANTINED if is_hopeless else InboxState.RECEIVED,
            not_before=now + pause,
            failure=failure,
        )
        if is_hopeless:
            await tasks.raise_task(
                connection,
                kind="event_quarantined",
                subject=str(event.id),
                account_id=None,
                detail={"source": event.source, "failure": failure},
                now=now,
            )
