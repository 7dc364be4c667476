"""Apply what providers told us: each event once, each customer's in order, a broken one never holds up the others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta

import structlog

from backend.domain.states import InboxState
from backend.failpoints import failpoint
from backend.store import inbox, tasks
from backend.store.acting import WORKER, acting
from backend.store.engine import transaction
from backend.usecases.services import Services

_LEASE_SECONDS = 120  # longer than a batch of events that each wait ten seconds for a provider
_AT_ONCE = 5  # each holds a connection: no more than the pool keeps open
_PAUSES = (1, 5, 30, 300)  # seconds before the next tries; after the last the event is put aside for people (f22)
log = structlog.get_logger()

# Applies one event. True says that it has also finished it, in the same commit.
Handler = Callable[[inbox.InboxEvent, datetime], Awaitable[bool | None]]


async def work_inbox(services: Services, *, handlers: Mapping[str, Handler], now: datetime, size: int = 50) -> int:
    """Work on the next events; returns how many were taken."""
    async with transaction(services.engine) as connection:
        events = await inbox.claim_events(connection, now=now, size=size, lease_seconds=_LEASE_SECONDS)
    if events:
        failpoint("after-inbox-take")
    left = iter(events)
    await asyncio.gather(*(_keep_applying(services, handlers, left, now=now) for _ in range(_AT_ONCE)))
    return len(events)


async def _keep_applying(
    services: Services, handlers: Mapping[str, Handler], left: Iterator[inbox.InboxEvent], *, now: datetime
) -> None:
    for event in left:
        await _apply(services, handlers[event.source], event, now=now)


async def _apply(services: Services, handler: Handler, event: inbox.InboxEvent, *, now: datetime) -> None:
    try:
        with acting(actor=WORKER, cause=f"{event.source} event {event.id}"):
            is_finished = await handler(event, now)
    except Exception as problem:  # a door: whatever one event does, the queue goes on
        log.exception("inbox_event_failed", source=event.source, inbox_event=event.id, attempt=event.attempts)
        await _set_back(services, event, failure=type(problem).__name__, now=now)
        return
    failpoint("after-inbox-apply")
    if not is_finished:
        async with transaction(services.engine) as connection:
            await inbox.finish_events(connection, ids=[event.id])


async def _set_back(services: Services, event: inbox.InboxEvent, *, failure: str, now: datetime) -> None:
    is_hopeless = event.attempts > len(_PAUSES)
    pause = timedelta(seconds=0 if is_hopeless else _PAUSES[event.attempts - 1])
    async with transaction(services.engine) as connection:
        is_ours = await inbox.postpone_event(
            connection,
            event=event,
            state=InboxState.QUARANTINED if is_hopeless else InboxState.RECEIVED,
            not_before=now + pause,
            failure=failure,
        )
        if is_ours and is_hopeless:
            await tasks.raise_task(
                connection,
                kind="event_quarantined",
                subject=str(event.id),
                account_id=None,
                detail={"source": event.source, "failure": failure},
                now=now,
            )
