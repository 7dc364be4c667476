"""Money for an attempt or a request that had been given up: booked to its own bills, never taken a second time."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptState, RequestState
from backend.store import attempt_outcomes, closing, late_money, money_back, opening, receipt_requests, tasks

_GIVEN_UP = {AttemptState.DECLINED, AttemptState.WITHDRAWN}
_LIVE = {RequestState.OPEN, RequestState.CLOSING}


async def make_room(connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, now: datetime) -> bool:
    """Prepare the ledger for a success that came late; an ordinary success needs nothing.

    Tries of the same bills that were not sent are withdrawn, a receipt that nobody approved yet is overtaken, a newer
    request that asks for them is replaced, and the request can be settled afterwards. Returns False when the bills are
    paid or being charged otherwise: then the gateway may have taken money twice, and people must decide (they are told
    either way). The account's money is locked by the caller.

    Raises:
        OpeningUnderWayError: begin again, holding the opening lock.
    """
    if attempt.state not in _GIVEN_UP and attempt.request_state in _LIVE:
        return True
    if await money_back.is_all_gone(connection, attempt_id=attempt.id):
        return False  # it was given back meanwhile: nothing is left to book
    if attempt.request_state not in _LIVE:
        await opening.lock_opening_at_once(connection)  # an opening under way may be asking for these bills
    # No press begins and no worker takes between the look and what follows from it.
    others = await late_money.lock_other_requests(connection, request_id=attempt.request_id)
    await late_money.lock_unsent(connection, attempt_id=attempt.id, request_id=attempt.request_id)
    is_taken = await late_money.is_taken_otherwise(connection, request_id=attempt.request_id)
    if is_taken or attempt.state is AttemptState.WITHDRAWN:
        await _raise_task(connection, kind="captured_twice", attempt=attempt, now=now)
        return False
    await _raise_task(connection, kind="late_success", attempt=attempt, now=now)
    await _free_bills(connection, attempt=attempt, others=others, now=now)
    return True


async def _free_bills(
    connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, others: list[int], now: datetime
) -> None:
    for receipt_id in await receipt_requests.overtake_receipts(connection, request_id=attempt.request_id):
        await _report_overtaken(connection, receipt_id=receipt_id, attempt=attempt, now=now)
    await late_money.withdraw_others(connection, attempt_id=attempt.id, request_id=attempt.request_id, now=now)
    await closing.void_requests(connection, request_ids=others, now=now)
    await late_money.renew_bills(connection, request_ids=others)
    await late_money.revive_request(connection, request_id=attempt.request_id)
    await late_money.claim_bills(connection, attempt_id=attempt.id, request_id=attempt.request_id)


async def _raise_task(
    connection: AsyncConnection, *, kind: str, attempt: attempt_outcomes.LockedAttempt, now: datetime
) -> None:
    await tasks.raise_task(
        connection,
        kind=kind,
        subject=str(attempt.id),
        account_id=attempt.account_id,
        detail={
            "order_number": attempt.order_number,
            "transaction_id": attempt.transaction_id,
            "amount": attempt.amount,
            "request": attempt.request_state,
        },
        now=now,
    )


async def _report_overtaken(
    connection: AsyncConnection, *, receipt_id: int, attempt: attempt_outcomes.LockedAttempt, now: datetime
) -> None:
    """The card's money is a fact, the receipt one person's word; if its money came too, people give one back."""
    await tasks.raise_task(
        connection,
        kind="receipt_overtaken",
        subject=str(receipt_id),
        account_id=attempt.account_id,
        detail={
            "receipt": receipt_id,
            "order_number": attempt.order_number,
            "transaction_id": attempt.transaction_id,
            "amount": attempt.amount,
        },
        now=now,
    )
