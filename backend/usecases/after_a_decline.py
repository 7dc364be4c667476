"""What follows from a declined charge: the card retired, people told of our own fault, the customer shown a way."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.states import AttemptOrigin, AttemptState, NoticeKind, RequestState
from backend.store import attempt_outcomes, cards, tasks, unwanted_charges
from backend.usecases.ask_instead_of_charging import ask_instead_of_charging
from backend.usecases.finish_closing import finish_closing, tell_of_next_month
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
    """After a declined charge: while its month is open, a URL to whoever is not looking; after it, what comes (R06)."""
    if attempt.request_state == RequestState.CLOSING:
        await finish_closing(services, connection, now=now)
    if attempt.request_state == RequestState.CLOSING or now >= attempt.valid_until:
        await tell_of_next_month(services, connection, request_ids=[attempt.request_id], now=now)
        return
    if attempt.request_state != RequestState.OPEN:
        return
    if attempt.origin is AttemptOrigin.AUTOMATIC:
        await _send_url(services, connection, attempt=attempt, now=now, occasion="")
    elif _was_told_to_wait(attempt):
        await _send_url(services, connection, attempt=attempt, now=now, occasion=f"-{attempt.transaction_id}")


def _was_told_to_wait(attempt: attempt_outcomes.LockedAttempt) -> bool:
    """The page promised a message: nobody knew the outcome, or the process that had asked is dead.

    Everybody else sees the decline on the page, and still has the URL.
    """
    return attempt.state is AttemptState.UNKNOWN or (attempt.state is AttemptState.SENT and attempt.checks > 0)


async def _send_url(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt: attempt_outcomes.LockedAttempt,
    now: datetime,
    occasion: str,
) -> None:
    await send_urls(
        services,
        connection,
        request_ids=[attempt.request_id],
        now=now,
        kind=NoticeKind.CHARGE_DECLINED,
        occasion=occasion,
        priority=4,
    )
