"""Turn confirmed bills into payment requests: a URL for a first payment, a charge for a registered card (R03-R08)."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import AttemptOrigin
from backend.failpoints import failpoint
from backend.store import attempts, batches, closing, opening, requests
from backend.store.engine import transaction
from backend.usecases import run_month_batches
from backend.usecases.restore_gate import refuse_closed_gate
from backend.usecases.send_urls import send_urls
from backend.usecases.services import Services

_CHUNK = 5_000  # accounts a transaction: bounded memory and locks, and a kill loses at most a few of these (f8)
_LANES = 2  # transactions side by side: the work is PostgreSQL's, on one core a connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCount:
    """How many requests were opened, by the way they will be paid."""

    by_link: int
    automatic: int


async def open_payment_requests(services: Services, *, now: datetime, canary_size: int | None = None) -> OpenedCount:
    """Open a request for every account that has bills to pay today; does nothing outside the opening days.

    Running it again opens only what is missing. Bills of an open request that nobody is paying are
    bundled anew with the later bill (R07); a payment under way is left alone and the new bill waits.
    The automatic charges become a batch, which goes behind its canaries (`canary_size` wins over the setting).

    Raises:
        OpeningIsOverError: the database ended our lock; what is missing is opened by the next run.
    """
    if not services.calendar.may_open_on(jst_date(now)):
        return OpenedCount(by_link=0, automatic=0)
    await refuse_closed_gate(services)
    async with transaction(services.engine) as gate:
        await opening.lock_opening(gate)
        batch_id = await _begin_batch(services, canary_size=canary_size, now=now)
        candidates = Candidates(services=services, gate=gate, now=now)
        async with asyncio.TaskGroup() as group:
            lanes = [
                group.create_task(_keep_opening(services, candidates, batch_id=batch_id, now=now))
                for _ in range(_LANES)
            ]
        await _seal_batch(services, batch_id=batch_id, now=now)
    counts = [lane.result() for lane in lanes]
    return OpenedCount(
        by_link=sum(count.by_link for count in counts), automatic=sum(count.automatic for count in counts)
    )


async def _begin_batch(services: Services, *, canary_size: int | None, now: datetime) -> int:
    size = services.brake.canary_size if canary_size is None else canary_size
    async with transaction(services.engine) as connection:
        return await batches.begin(connection, today=jst_date(now), canary_size=size, now=now)


async def _seal_batch(services: Services, *, batch_id: int, now: datetime) -> None:
    """Let the batch go, unless a worker has done so for a killed opening before us."""
    failpoint("before-sealing")
    async with transaction(services.engine) as connection:
        batch = await batches.lock_batch(connection, batch_id=batch_id)
        await run_month_batches.seal_batch(services, connection, batch=batch, now=now)


@dataclass(slots=True, kw_only=True)
class Candidates:
    """Hands out the accounts, a chunk at a time; `gate` holds the opening lock as long as its transaction lives."""

    services: Services
    gate: AsyncConnection
    now: datetime
    _last: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def next_chunk(self) -> list[int]:
        """The next accounts; empty at the end."""
        async with self._turn:
            today = jst_date(self.now)
            chunk = await opening.find_candidates(
                self.gate,
                today=today,
                is_last_opening_day=today.day == self.services.calendar.last_opening_day,
                after=self._last,
                size=_CHUNK,
            )
            self._last = chunk[-1] if chunk else self._last
            return chunk


async def _keep_opening(services: Services, candidates: Candidates, *, batch_id: int, now: datetime) -> OpenedCount:
    by_link = automatic = 0
    while chunk := await candidates.next_chunk():
        async with transaction(services.engine) as connection:
            await batches.join_opening(connection, batch_id=batch_id)
            opened = await open_chunk(services, connection, account_ids=chunk, batch_id=batch_id, now=now)
            failpoint("inside-opening")
        failpoint("after-opening-chunk")
        by_link, automatic = by_link + len(opened.by_link), automatic + len(opened.automatic)
    return OpenedCount(by_link=by_link, automatic=automatic)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedChunk:
    """The requests that were opened by the way they will be paid, and the accounts that got none, with the reason."""

    by_link: Sequence[int]
    automatic: Sequence[int]
    busy: Collection[int]
    out_of_bounds: Collection[int]


async def open_chunk(
    services: Services, connection: AsyncConnection, *, account_ids: list[int], batch_id: int | None, now: datetime
) -> OpenedChunk:
    """Open the requests of these accounts in the caller's transaction, whether it commits or not (the dry run).

    Without a batch, the automatic charges would go as soon as they are committed.
    """
    today, limits = jst_date(now), services.gateway.capabilities
    yen_bounds = (limits.min_yen, limits.max_yen)
    await opening.plan_afresh(connection)
    live = await opening.lock_open_requests(connection, account_ids=account_ids)
    askable = [account for account in account_ids if account not in live.busy]
    unaskable = await opening.list_out_of_bounds(
        connection,
        account_ids=askable,
        replaceable=list(live.replaceable.values()),
        today=today,
        now=now,
        yen_bounds=yen_bounds,
    )
    replaced = [request for account, request in live.replaceable.items() if account not in unaskable]
    await closing.void_requests(connection, request_ids=replaced, now=now)
    opened = await opening.open_requests(
        connection,
        account_ids=[account for account in askable if account not in unaskable],
        today=today,
        now=now,
        valid_until=services.calendar.valid_until(today),
        yen_bounds=yen_bounds,
    )
    by_link = await _ask_for_payment(services, connection, opened=opened, batch_id=batch_id, now=now)
    turned = set(by_link)
    return OpenedChunk(
        by_link=by_link,
        automatic=[request for request in opened.automatic if request not in turned],
        busy=live.busy,
        out_of_bounds=unaskable,
    )


async def _ask_for_payment(
    services: Services, connection: AsyncConnection, *, opened: opening.Opened, batch_id: int | None, now: datetime
) -> list[int]:
    send_at = services.calendar.next_sending_at(now)
    await attempts.prepare_attempts(
        connection,
        request_ids=opened.automatic,
        origin=AttemptOrigin.AUTOMATIC,
        card_id=None,
        now=now,
        not_before=send_at,
        lease_seconds=0,
        base_url=services.public_base_url,
        batch_id=batch_id,
    )
    by_link = [*opened.by_link, *await requests.turn_to_links(connection, request_ids=opened.automatic)]
    await send_urls(services, connection, request_ids=by_link, now=now)
    return by_link
