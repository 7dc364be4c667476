"""What follows when money has gone back: the bills' states, an attempt that had been given up, the notice."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.states import AttemptState, BillState, DeclineClass, NoticeKind, RequestState
from backend.ports import Evidence
from backend.store import attempt_outcomes, money_back, notices, requests, tasks
from backend.usecases import after_a_decline
from backend.usecases.services import Services

# Given up, and yet the gateway had taken money (usecases/book_late_money.py): nothing was paid by it.
_OPEN_ENDED = {AttemptState.SENT, AttemptState.CHALLENGED, AttemptState.UNKNOWN}


async def settle_refund(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt_id: UUID,
    refund_id: UUID,
    charge_reference: str,
    amount: int,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Follow up one refund that went through; the caller holds the attempt's lock. The customer is told once.

    What went back of a second charge under the same attempt changes nothing of what the first one paid, and the
    customer, who was told of one payment, is not told that it went back: people have the task.
    """
    if not await money_back.is_booked_charge(connection, attempt_id=attempt_id, charge_reference=charge_reference):
        return
    attempt = await attempt_outcomes.lock_attempt(connection, attempt_id=attempt_id)
    await notices.enqueue_for_requests(
        connection,
        kind=NoticeKind.REFUNDED,
        request_ids=[attempt.request_id],
        now=now,
        not_before=services.calendar.next_sending_at(now),
        occasion=f":{refund_id}",
        priority=4,
        refund_amount=amount,
    )
    await settle_bills(connection, attempt_id=attempt_id)
    if attempt.state is not AttemptState.SUCCEEDED:
        await _settle_given_up(services, connection, attempt=attempt, evidence=evidence, now=now)


async def settle_bills(connection: AsyncConnection, *, attempt_id: UUID) -> None:
    """Say of the bills that this attempt has paid what is true now: disputed, refunded in full, or paid."""
    money = await money_back.sums(connection, attempt_id=attempt_id)
    state = BillState.PAID
    if money.is_disputed:
        state = BillState.DISPUTED
    elif money.gone >= money.captured:
        state = BillState.REFUNDED
    await money_back.mark_bills(connection, attempt_id=attempt_id, state=state)


async def _settle_given_up(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt: attempt_outcomes.LockedAttempt,
    evidence: Evidence,
    now: datetime,
) -> None:
    """All of what was taken beside the ledger is back: no money came by this attempt, and nobody need look any more.

    One whose outcome was still open is declined by the gateway's own word, the refund; one that had been declined or
    withdrawn stays so. Its evidence and its refund tell the story.
    """
    money = await money_back.sums(connection, attempt_id=attempt.id)
    if money.gone < money.captured:
        return
    if attempt.state in _OPEN_ENDED:
        await _decline(services, connection, attempt=attempt, evidence=evidence, now=now)
    for kind in ("captured_twice", "amount_differs_at_gateway"):
        await tasks.settle_task(
            connection, kind=kind, subject=str(attempt.id), by="refund", note="all of the money went back", now=now
        )


async def _decline(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt: attempt_outcomes.LockedAttempt,
    evidence: Evidence,
    now: datetime,
) -> None:
    """What it asked for is open again, unless another payment has settled it."""
    await attempt_outcomes.add_evidence(
        connection,
        attempt_id=attempt.id,
        source="refund",
        outcome="declined",
        gateway_request_id=evidence.request_id,
        body=evidence.body,
        now=now,
    )
    await attempt_outcomes.move_attempt(
        connection,
        attempt_id=attempt.id,
        state=AttemptState.DECLINED,
        decline_class=DeclineClass.OURS,
        decline_code="refunded",
        now=now,
    )
    await attempt_outcomes.release_claims(connection, attempt_id=attempt.id)
    await requests.unhold_bills(connection, request_id=attempt.request_id)
    if attempt.request_state in {RequestState.OPEN, RequestState.CLOSING}:
        await after_a_decline.offer_another_way(services, connection, attempt=attempt, now=now)
