"""Write down what the gateway said about an attempt and everything that follows from it, in one commit (T2)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.retry_schedule import is_schedule_over, next_check_at
from backend.domain.states import AttemptOrigin, AttemptState, DeclineClass, NoticeKind, RequestState
from backend.failpoints import failpoint
from backend.ports import Absent, Busy, Challenged, Declined, Evidence, Succeeded, Unknown
from backend.store import attempt_outcomes, cards, late_money, links, notices, opening, requests, tasks
from backend.store.engine import transaction
from backend.usecases import after_a_decline
from backend.usecases.ask_instead_of_charging import ask_instead_of_charging
from backend.usecases.book_late_money import make_room
from backend.usecases.finish_closing import finish_closing
from backend.usecases.locked_links import tell_if_locked
from backend.usecases.services import Services

Outcome = Succeeded | Declined | Challenged | Unknown | Busy | Absent


async def record_outcome(services: Services, *, attempt_id: UUID, outcome: Outcome, now: datetime) -> AttemptState:
    """Compare and set: a final state never changes, except that late evidence of money beats a decline.

    Returns the state that the attempt has afterwards.
    """
    try:
        async with transaction(services.engine) as connection:
            state = await _record(services, connection, attempt_id=attempt_id, outcome=outcome, now=now)
            failpoint("inside-recording")
    except opening.OpeningUnderWayError:
        state = await _record_after_the_opening(services, attempt_id=attempt_id, outcome=outcome, now=now)
    failpoint("after-recording")
    return state


async def _record_after_the_opening(
    services: Services, *, attempt_id: UUID, outcome: Outcome, now: datetime
) -> AttemptState:
    """Late money of an ended request: nothing was written yet, and nothing is held while the opening is waited for."""
    async with transaction(services.engine) as connection:
        await opening.lock_opening(connection)
        return await _record(services, connection, attempt_id=attempt_id, outcome=outcome, now=now)


async def _record(
    services: Services, connection: AsyncConnection, *, attempt_id: UUID, outcome: Outcome, now: datetime
) -> AttemptState:
    if isinstance(outcome, Succeeded | Declined):
        await late_money.lock_money(connection, attempt_id=attempt_id)
    attempt = await attempt_outcomes.lock_attempt(connection, attempt_id=attempt_id)
    await _keep_evidence(connection, attempt=attempt, outcome=outcome, now=now)
    match outcome:
        case Succeeded():
            return await _succeed(services, connection, attempt=attempt, outcome=outcome, now=now)
        case Declined():
            return await _decline(services, connection, attempt=attempt, outcome=outcome, now=now)
        case Challenged():
            return await _challenge(connection, attempt=attempt, outcome=outcome, now=now)
        case Busy():
            return await _postpone(services, connection, attempt=attempt, outcome=outcome, now=now)
        case Unknown():
            return await _stay_unknown(connection, attempt=attempt, is_answered=False, now=now)
        case Absent():
            return await _stay_unknown(connection, attempt=attempt, is_answered=True, now=now)


async def _keep_evidence(
    connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, outcome: Outcome, now: datetime
) -> None:
    """Every change of state has its row: what the gateway said, or why nothing was heard (invariant 19)."""
    match outcome:
        case Busy():
            return  # nothing happened to the attempt
        case Unknown() if attempt.state in {AttemptState.SENT, AttemptState.CHALLENGED}:
            evidence = Evidence(source="no_answer", body={"reason": outcome.reason})
        case Unknown():
            return  # still nothing heard
        case _:
            evidence = outcome.evidence
    await attempt_outcomes.add_evidence(
        connection,
        attempt_id=attempt.id,
        source=evidence.source,
        outcome=type(outcome).__name__.lower(),
        gateway_request_id=evidence.request_id,
        body=evidence.body,
        now=now,
        money=(outcome.gateway_reference, outcome.amount) if isinstance(outcome, Succeeded) else None,
    )


async def _succeed(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt: attempt_outcomes.LockedAttempt,
    outcome: Succeeded,
    now: datetime,
) -> AttemptState:
    if attempt.state is AttemptState.SUCCEEDED:
        return attempt.state
    if outcome.amount != attempt.amount:
        await tasks.raise_task(
            connection,
            kind="amount_differs_at_gateway",
            subject=str(attempt.id),
            account_id=attempt.account_id,
            detail={"ours": attempt.amount, "gateway": outcome.amount, "charge": outcome.gateway_reference},
            now=now,
        )
        return await _stay_unknown(connection, attempt=attempt, is_answered=True, now=now)
    if not await make_room(connection, attempt=attempt, now=now):
        return await _stay_unknown(connection, attempt=attempt, is_answered=True, now=now)
    await attempt_outcomes.move_attempt(
        connection,
        attempt_id=attempt.id,
        state=AttemptState.SUCCEEDED,
        gateway_reference=outcome.gateway_reference,
        now=now,
    )
    await _end_doubt(connection, attempt=attempt, now=now)
    await _settle_request(services, connection, attempt=attempt, now=now)
    return AttemptState.SUCCEEDED


async def _end_doubt(connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, now: datetime) -> None:
    """Nobody has to look for what is known now."""
    if attempt.state is AttemptState.UNKNOWN:
        known = {"by": "tsukibarai", "note": "the outcome is known now"}
        await tasks.settle_task(connection, kind="payment_unknown", subject=str(attempt.id), **known, now=now)


async def _settle_request(
    services: Services, connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, now: datetime
) -> None:
    """Money arrived for a live request: pay its bills, keep the card, tell the customer once (R04, R19)."""
    await requests.settle_request(connection, request_id=attempt.request_id, now=now)
    await cards.activate_card(connection, card_id=attempt.card_id, request_id=attempt.request_id, now=now)
    await links.end_links(connection, request_ids=[attempt.request_id], state="used")
    kind = NoticeKind.PAID if attempt.origin is AttemptOrigin.LINK else NoticeKind.CHARGED
    await notices.enqueue_for_requests(
        connection,
        kind=kind,
        request_ids=[attempt.request_id],
        now=now,
        not_before=now if kind is NoticeKind.PAID else services.calendar.next_sending_at(now),
        priority=3,
    )


async def _decline(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt: attempt_outcomes.LockedAttempt,
    outcome: Declined,
    now: datetime,
) -> AttemptState:
    if attempt.state in {AttemptState.SUCCEEDED, AttemptState.DECLINED, AttemptState.WITHDRAWN}:
        return attempt.state
    await attempt_outcomes.move_attempt(
        connection,
        attempt_id=attempt.id,
        state=AttemptState.DECLINED,
        gateway_reference=outcome.gateway_reference,
        decline_class=outcome.decline_class,
        decline_code=outcome.decline_code,
        now=now,
    )
    await _end_doubt(connection, attempt=attempt, now=now)
    await attempt_outcomes.release_claims(connection, attempt_id=attempt.id)
    await requests.unhold_bills(connection, request_id=attempt.request_id)
    if outcome.decline_class in {DeclineClass.NEVER, DeclineClass.NEW_CARD}:
        await after_a_decline.retire_card(services, connection, card_id=attempt.card_id, now=now)
    if outcome.decline_class is DeclineClass.OURS:
        await after_a_decline.report_our_fault(connection, attempt=attempt, code=outcome.decline_code, now=now)
    if not await _book_earlier_money(services, connection, attempt=attempt, now=now):
        await after_a_decline.offer_another_way(services, connection, attempt=attempt, now=now)
    await tell_if_locked(connection, request_id=attempt.request_id, now=now)
    return AttemptState.DECLINED


async def _book_earlier_money(
    services: Services, connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, now: datetime
) -> bool:
    """Money of another try, which could not be booked while this one was on the wire, pays its bills now."""
    money = await late_money.find_unbooked(connection, request_id=attempt.request_id)
    if money is None:
        return False
    if attempt.request_state == RequestState.CLOSING:
        await finish_closing(services, connection, now=now)  # its bills go over before the earlier request wants them
    earlier = await attempt_outcomes.lock_attempt(connection, attempt_id=money.attempt_id)
    came = Succeeded(
        gateway_reference=money.gateway_reference, amount=money.amount, evidence=Evidence(source="look_up", body={})
    )
    state = await _succeed(services, connection, attempt=earlier, outcome=came, now=now)
    if state is not AttemptState.SUCCEEDED:
        return False
    settled = {"by": "tsukibarai", "note": "the other charge was declined, this money is booked to its bills"}
    await tasks.settle_task(connection, kind="captured_twice", subject=str(earlier.id), **settled, now=now)
    return True


async def _challenge(
    connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, outcome: Challenged, now: datetime
) -> AttemptState:
    if attempt.state not in {AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.CHALLENGED}:
        return attempt.state
    await attempt_outcomes.move_attempt(
        connection,
        attempt_id=attempt.id,
        state=AttemptState.CHALLENGED,
        gateway_reference=outcome.gateway_reference,
        next_check_at=now + timedelta(minutes=1),
        now=now,
    )
    return AttemptState.CHALLENGED


async def _postpone(
    services: Services,
    connection: AsyncConnection,
    *,
    attempt: attempt_outcomes.LockedAttempt,
    outcome: Busy,
    now: datetime,
) -> AttemptState:
    """The gateway certainly did not process it (429): the worker sends the same attempt later.

    Unless it may not be sent unasked any more: who applied for another card, or disputes a charge, while this one was
    on the wire, gets the URL that he would have got before it.
    """
    if outcome.fault:
        await after_a_decline.report_our_fault(connection, attempt=attempt, code=outcome.fault, now=now)
    if attempt.state is AttemptState.SENT and attempt.checks == 0:
        await attempt_outcomes.postpone(
            connection, attempt_id=attempt.id, not_before=now + timedelta(seconds=outcome.retry_after), now=now
        )
        asked = await ask_instead_of_charging(services, connection, request_ids=[attempt.request_id], now=now)
        return AttemptState.WITHDRAWN if asked else AttemptState.PREPARED
    return await _stay_unknown(connection, attempt=attempt, is_answered=False, now=now)


async def _stay_unknown(
    connection: AsyncConnection, *, attempt: attempt_outcomes.LockedAttempt, is_answered: bool, now: datetime
) -> AttemptState:
    """Nothing is known: the bills are held, nobody is told failed or paid, and we ask again on a schedule."""
    if attempt.state not in {AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.CHALLENGED}:
        return attempt.state
    sent_at = attempt.first_sent_at or now
    check_at = next_check_at(sent_at=sent_at, now=now, is_answered=is_answered)
    await attempt_outcomes.move_attempt(
        connection, attempt_id=attempt.id, state=AttemptState.UNKNOWN, next_check_at=check_at, now=now
    )
    await requests.hold_bills(connection, request_id=attempt.request_id)
    if is_schedule_over(sent_at=sent_at, now=now):
        await tasks.raise_task(
            connection,
            kind="payment_unknown",
            subject=str(attempt.id),
            account_id=attempt.account_id,
            detail={"order_number": attempt.order_number, "transaction_id": attempt.transaction_id},
            now=now,
        )
    return AttemptState.UNKNOWN
