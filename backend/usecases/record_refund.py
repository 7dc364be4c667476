"""Write down what the gateway said about a refund and all that follows from it, in one commit (T2)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.billing_calendar import jst_date
from backend.domain.retry_schedule import is_schedule_over, next_check_at
from backend.domain.states import RefundState
from backend.failpoints import failpoint
from backend.ports import Absent, Busy, Evidence, Refunded, RefundRefused, Unknown
from backend.store import attempt_outcomes, refund_outcomes, tasks
from backend.store.engine import transaction
from backend.store.refund_outcomes import LockedRefund
from backend.usecases.services import Services
from backend.usecases.settle_money_back import settle_refund

Outcome = Refunded | RefundRefused | Unknown | Busy | Absent
_OPEN = {RefundState.SENT, RefundState.UNKNOWN}
# The gateway has none of these. If it has one all the same, our books were wrong, or are older than the call.
_NOT_MADE = {RefundState.REQUESTED, RefundState.PREPARED, RefundState.WITHDRAWN, RefundState.REFUSED}


async def record_refund(services: Services, *, refund_id: UUID, outcome: Outcome, now: datetime) -> RefundState | None:
    """Compare and set: a final state never changes, except that evidence of money beats everything.

    A refund that was not sent as far as we know, and that the gateway has, was sent in a time that a restored database
    has forgotten: it is booked like any other, and is never sent again (f68).

    Returns the state that the refund has afterwards; None when it is not ours.
    """
    async with transaction(services.engine) as connection:
        attempt_id = await refund_outcomes.attempt_of(connection, refund_id=refund_id)
        if attempt_id is None:
            return None
        await attempt_outcomes.lock_attempt(connection, attempt_id=attempt_id)
        refund = await refund_outcomes.lock_refund(connection, refund_id=refund_id)
        state = await _record(services, connection, refund=refund, outcome=outcome, now=now)
        failpoint("inside-refund-recording")
    failpoint("after-refund-recording")
    return state


async def _record(
    services: Services, connection: AsyncConnection, *, refund: LockedRefund, outcome: Outcome, now: datetime
) -> RefundState:
    match outcome:
        case Refunded():
            return await _succeed(services, connection, refund=refund, outcome=outcome, now=now)
        case RefundRefused():
            return await _refuse(connection, refund=refund, outcome=outcome, now=now)
        case Busy():
            return await _postpone(connection, refund=refund, outcome=outcome, now=now)
        case Unknown():
            return await _stay_unknown(
                connection,
                refund=refund,
                evidence=Evidence(source="no_answer", body={"reason": outcome.reason}),
                now=now,
            )
        case Absent():
            return await _stay_unknown(connection, refund=refund, evidence=outcome.evidence, now=now)


async def _succeed(
    services: Services, connection: AsyncConnection, *, refund: LockedRefund, outcome: Refunded, now: datetime
) -> RefundState:
    if refund.state is RefundState.SUCCEEDED:
        return refund.state
    if outcome.amount != refund.amount:
        detail = {"ours": refund.amount, "gateway": outcome.amount, "refund": outcome.gateway_reference}
        await _tell_staff(connection, kind="refund_differs_at_gateway", refund=refund, detail=detail, now=now)
        return await _stay_unknown(connection, refund=refund, evidence=outcome.evidence, now=now)
    await refund_outcomes.move(
        connection,
        refund_id=refund.id,
        state=RefundState.SUCCEEDED,
        gateway_reference=outcome.gateway_reference,
        now=now,
    )
    await _keep(connection, refund=refund, evidence=outcome.evidence, after=RefundState.SUCCEEDED, now=now)
    if refund.state in _NOT_MADE:
        detail = {"counted_as": refund.state}
        await _tell_staff(connection, kind="late_refund", refund=refund, detail=detail, now=now)
    await settle_refund(
        services,
        connection,
        attempt_id=refund.attempt_id,
        refund_id=refund.id,
        charge_reference=refund.charge_reference,
        amount=refund.amount,
        evidence=outcome.evidence,
        now=now,
    )
    return RefundState.SUCCEEDED


async def _refuse(
    connection: AsyncConnection, *, refund: LockedRefund, outcome: RefundRefused, now: datetime
) -> RefundState:
    if refund.state not in _OPEN:
        return refund.state
    await refund_outcomes.move(
        connection, refund_id=refund.id, state=RefundState.REFUSED, refusal=outcome.code, now=now
    )
    await _keep(connection, refund=refund, evidence=outcome.evidence, after=RefundState.REFUSED, now=now)
    await _tell_staff(connection, kind="refund_refused", refund=refund, detail={"code": outcome.code}, now=now)
    return RefundState.REFUSED


async def _postpone(connection: AsyncConnection, *, refund: LockedRefund, outcome: Busy, now: datetime) -> RefundState:
    """The gateway certainly did not process it (429): the worker sends the same refund later."""
    if outcome.fault:
        await tasks.raise_task(
            connection,
            kind="charge_refused",
            subject=f"{outcome.fault}:{jst_date(now)}",
            account_id=refund.account_id,
            detail={"code": outcome.fault, "refund": str(refund.id), "transaction_id": refund.transaction_id},
            now=now,
        )
    if refund.state is not RefundState.SENT or refund.checks > 0:
        evidence = Evidence(source="no_answer", body={"retry_after": outcome.retry_after})
        return await _stay_unknown(connection, refund=refund, evidence=evidence, now=now)
    not_before = now + timedelta(seconds=outcome.retry_after)
    await refund_outcomes.move(
        connection, refund_id=refund.id, state=RefundState.PREPARED, not_before=not_before, now=now
    )
    return RefundState.PREPARED


async def _stay_unknown(
    connection: AsyncConnection, *, refund: LockedRefund, evidence: Evidence, now: datetime
) -> RefundState:
    """Nothing is known: nobody is told refunded or refused, and we ask again on a schedule."""
    if refund.state not in _OPEN:
        return refund.state
    sent_at = refund.first_sent_at or now
    check_at = next_check_at(sent_at=sent_at, now=now, is_answered=evidence.source != "no_answer")
    await refund_outcomes.move(
        connection, refund_id=refund.id, state=RefundState.UNKNOWN, next_check_at=check_at, now=now
    )
    if refund.state is not RefundState.UNKNOWN:
        await _keep(connection, refund=refund, evidence=evidence, after=RefundState.UNKNOWN, now=now)
    if is_schedule_over(sent_at=sent_at, now=now):
        await _tell_staff(connection, kind="refund_unknown", refund=refund, detail={}, now=now)
    return RefundState.UNKNOWN


async def _keep(
    connection: AsyncConnection, *, refund: LockedRefund, evidence: Evidence, after: RefundState, now: datetime
) -> None:
    await refund_outcomes.add_step(
        connection,
        refund_id=refund.id,
        actor="gateway",
        cause=evidence.source,
        before=refund.state,
        after=after,
        gateway_request_id=evidence.request_id,
        body=evidence.body,
        now=now,
    )


async def _tell_staff(
    connection: AsyncConnection, *, kind: str, refund: LockedRefund, detail: dict[str, object], now: datetime
) -> None:
    await tasks.raise_task(
        connection,
        kind=kind,
        subject=str(refund.id),
        account_id=refund.account_id,
        detail={
            "order_number": refund.order_number,
            "transaction_id": refund.transaction_id,
            "amount": refund.amount,
            **detail,
        },
        now=now,
    )
