"""What follows from a declined charge: the card retired, people told of our own fault, the customer shown a way."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import AttemptOrigin, NoticeKind, RequestState
from backend.store import attempt_outcomes, cards, closing, notices, tasks, unwanted_charges
from backend.usecases.ask_instead_of_charging import ask_instead_of_charging
from backend.usecases.send_urls import send_urls
from backend.usecases.services import Services


async def retire_card(services: Services, connection: AsyncConnection, *, card_id: int, now: datetime) -> None:
    """A dead card is never charged again: what still waits to be charged to it is paid by a URL (invariant 10).

    Also what waits for the same card under another name: its owner has registered it for another place.
    """
    await cards.retire_card(connection, card_id=card_id)
    ids = await unwanted_charges.waiting_for_card(connection, card_id=card_id)
    await ask_instead_of_charging(services, connection, request_ids=ids, now=now)


async def report_our_fault(
    connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, code: str, now: datetime
) -> None:
    """Not the card's fault: one matter a day and reason, because it usually concerns more than one charge."""
    await tasks.raise_task(
        connection,
        kind="charge_refused",
        subject=f"{code}:{jst_date(now)}",
        account_id=attempt.account_id,
        detail={"code": code, "order_number": attempt.order_number, "transaction_id": attempt.transaction_id},
        now=now,
    )


async def offer_another_way(
    services: Services, connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, now: datetime
) -> None:
    """After a declined charge: while its month is open, a URL (automatic ones); after it, word of what comes (R06)."""
    if attempt.request_state == RequestState.CLOSING:
        await closing.finish_closing(connection, now=now)
    if attempt.request_state == RequestState.CLOSING or now >= attempt.valid_until:
        await _tell_of_next_month(services, connection, attempt=attempt, now=now)
        return
    if attempt.origin is not AttemptOrigin.AUTOMATIC or attempt.request_state != RequestState.OPEN:
        return  # the payer sees the decline on the page and still has the URL
    await send_urls(
        services,
        connection,
        request_ids=[attempt.request_id],
        now=now,
        kind=NoticeKind.CHARGE_DECLINED,
        priority=4,
    )


async def _tell_of_next_month(
    services: Services, connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, now: datetime
) -> None:
    """The last day is over and nothing was paid: a dead URL helps nobody, the day of the next one does (R06)."""
    await notices.enqueue_for_requests(
        connection,
        kind=NoticeKind.CHARGE_CARRIED_OVER,
        request_ids=[attempt.request_id],
        now=now,
        not_before=services.calendar.next_sending_at(now),
        priority=4,
        next_opening_on=services.calendar.next_opening_on(jst_date(now)),
    )
