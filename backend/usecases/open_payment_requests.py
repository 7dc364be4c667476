"""Turn confirmed bills into payment requests: a URL for a first payment, a charge for a registered card (R03-R08)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import AttemptOrigin, NoticeKind
from backend.store import attempts, closing, links, notices, opening
from backend.store.engine import transaction
from backend.usecases.services import Services

_CHUNK = 10_000  # accounts a transaction: bounded memory and locks, and a kill loses at most this much work (f8)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCount:
    """How many requests were opened, by the way they will be paid."""

    by_link: int
    automatic: int


async def open_payment_requests(services: Services, *, now: datetime) -> OpenedCount:
    """Open a request for every account that has bills to pay today; does nothing outside the opening days.

    Running it again opens only what is missing. Bills of an open request that nobody is paying are
    bundled anew with the later bill (R07); a payment under way is left alone and the new bill waits.
    """
    by_link = automatic = after = 0
    if not services.calendar.may_open_on(jst_date(now)):
        return OpenedCount(by_link=0, automatic=0)
    while True:
        async with transaction(services.engine) as connection:
            chunk = await _next_chunk(services, connection, now=now, after=after)
            if not chunk:
                return OpenedCount(by_link=by_link, automatic=automatic)
            opened = await _open_chunk(services, connection, account_ids=chunk, now=now)
        by_link, automatic, after = (
            by_link + len(opened.by_link),
            automatic + len(opened.automatic),
            chunk[-1],
        )


async def _next_chunk(services: Services, connection: AsyncConnection, *, now: datetime, after: int) -> list[int]:
    await opening.lock_opening(connection)
    today = jst_date(now)
    return await opening.find_candidates(
        connection,
        today=today,
        is_last_opening_day=today.day == services.calendar.last_opening_day,
        after=after,
        size=_CHUNK,
    )


async def _open_chunk(
    services: Services, connection: AsyncConnection, *, account_ids: list[int], now: datetime
) -> opening.Opened:
    replaceable, busy = await opening.lock_open_requests(connection, account_ids=account_ids)
    await closing.void_requests(connection, request_ids=replaceable, now=now)
    today, limits = jst_date(now), services.gateway.capabilities
    opened = await opening.open_requests(
        connection,
        account_ids=[account for account in account_ids if account not in busy],
        today=today,
        now=now,
        valid_until=services.calendar.valid_until(today),
        yen_bounds=(limits.min_yen, limits.max_yen),
    )
    await _ask_for_payment(services, connection, opened=opened, now=now)
    return opened


async def _ask_for_payment(
    services: Services, connection: AsyncConnection, *, opened: opening.Opened, now: datetime
) -> None:
    send_at = services.calendar.next_sending_at(now)
    await links.create_links(connection, request_ids=opened.by_link, secret=services.link_secret, now=now)
    await notices.enqueue_for_requests(
        connection, kind=NoticeKind.PAYMENT_LINK, request_ids=opened.by_link, now=now, not_before=send_at
    )
    await attempts.prepare_attempts(
        connection,
        request_ids=opened.automatic,
        origin=AttemptOrigin.AUTOMATIC,
        card_id=None,
        now=now,
        not_before=send_at,
        lease_seconds=0,
        base_url=services.public_base_url,
    )
