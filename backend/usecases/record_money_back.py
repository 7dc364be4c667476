"""What the gateway knows of money that went back without us: refunds at its own console, and disputes (f32).

Both functions may be called again and again with the same object (webhooks, reconciliation): once is enough.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.gateway_objects import DisputeState, GatewayDispute, GatewayRefund
from backend.domain.states import RefundState
from backend.ports import Evidence, Refunded
from backend.store import attempt_outcomes, money_back, opening, refund_outcomes, tasks
from backend.store.engine import transaction
from backend.usecases.ask_instead_of_charging import ask_account_instead
from backend.usecases.record_refund import record_refund
from backend.usecases.services import Services
from backend.usecases.settle_money_back import settle_bills, settle_refund


class MoneyBack(StrEnum):
    """What became of the news."""

    RECORDED = "recorded"
    KNOWN = "known"
    OURS = "ours"  # a refund that we sent ourselves; its row says so now
    NOT_OURS = "not_ours"  # no attempt of ours is behind the charge: people have been told
    TOO_EARLY = "too_early"  # its charge is not in our books yet: record that first, then call again


async def record_foreign_refund(services: Services, *, refund: GatewayRefund, now: datetime) -> MoneyBack:
    """Make a refund that the gateway lists a row of ours, with a task when somebody made it at the console."""
    if refund.refund_id is not None and await _is_recorded_as_ours(services, refund.refund_id, refund, now=now):
        return MoneyBack.OURS
    async with transaction(services.engine) as connection:
        if await money_back.find_refund(connection, gateway_reference=refund.gateway_reference):
            return MoneyBack.KNOWN
        attempt_id = await money_back.find_attempt(
            connection, attempt_id=refund.attempt_id, charge_reference=refund.charge_reference
        )
        if attempt_id is None:
            await _tell_of_refund(connection, refund=refund, attempt=None, withdrawn={}, now=now)
            return MoneyBack.NOT_OURS
        return await _record_console_refund(services, connection, refund=refund, attempt_id=attempt_id, now=now)


async def _is_recorded_as_ours(services: Services, refund_id: UUID, refund: GatewayRefund, *, now: datetime) -> bool:
    evidence = Evidence(source="look_up", body=refund.body)
    outcome = Refunded(gateway_reference=refund.gateway_reference, amount=refund.amount, evidence=evidence)
    return await record_refund(services, refund_id=refund_id, outcome=outcome, now=now) is not None


async def _record_console_refund(
    services: Services, connection: AsyncConnection, *, refund: GatewayRefund, attempt_id: UUID, now: datetime
) -> MoneyBack:
    attempt = await attempt_outcomes.lock_attempt(connection, attempt_id=attempt_id)
    if (await money_back.sums(connection, attempt_id=attempt_id)).captured == 0:
        return MoneyBack.TOO_EARLY
    refund_id = await money_back.insert_foreign_refund(connection, attempt_id=attempt_id, refund=refund, now=now)
    if refund_id is None:
        return MoneyBack.KNOWN
    await refund_outcomes.add_step(
        connection,
        refund_id=refund_id,
        actor="gateway console",
        cause="look_up",
        before=None,
        after=RefundState.SUCCEEDED,
        body=refund.body,
        now=now,
    )
    withdrawn = await _withdraw_overtaken(connection, attempt_id=attempt_id, now=now)
    await _tell_of_refund(connection, refund=refund, attempt=attempt, withdrawn=withdrawn, now=now)
    await settle_refund(
        services,
        connection,
        attempt_id=attempt_id,
        refund_id=refund_id,
        charge_reference=refund.charge_reference,
        amount=refund.amount,
        evidence=Evidence(source="refund", body=refund.body),
        now=now,
    )
    return MoneyBack.RECORDED


async def _withdraw_overtaken(connection: AsyncConnection, *, attempt_id: UUID, now: datetime) -> dict[str, object]:
    """What we were about to give back of the same money is not sent any more; what is on the wire is bounded there.

    Returns what people have to know of it.
    """
    overtaken = await money_back.withdraw_overtaken(connection, attempt_id=attempt_id, now=now)
    for refund in overtaken:
        await refund_outcomes.add_step(
            connection,
            refund_id=refund.id,
            actor="gateway",
            cause="overtaken",
            before=refund.state,
            after=RefundState.WITHDRAWN,
            now=now,
        )
    return {"withdrawn_refunds": {str(refund.id): refund.amount for refund in overtaken}} if overtaken else {}


async def _tell_of_refund(
    connection: AsyncConnection,
    *,
    refund: GatewayRefund,
    attempt: attempt_outcomes.LockedAttempt | None,
    withdrawn: dict[str, object],
    now: datetime,
) -> None:
    await tasks.raise_task(
        connection,
        kind="refund_at_gateway",
        subject=refund.gateway_reference,
        account_id=attempt.account_id if attempt else None,
        detail=_names(attempt) | {"amount": refund.amount, "charge": refund.charge_reference} | withdrawn,
        now=now,
    )


async def record_dispute(services: Services, *, dispute: GatewayDispute, now: datetime) -> MoneyBack:
    """Write down a dispute as it stands at the gateway: raise a task, mark the bills, stop automatic charging."""
    async with transaction(services.engine) as connection:
        # An opening under way may be preparing another automatic charge; before any row is locked.
        await opening.lock_opening(connection)
        now = max(now, services.clock.now())  # charges went on, rightly, while the opening was waited for
        attempt_id = await money_back.find_attempt(
            connection, attempt_id=dispute.attempt_id, charge_reference=dispute.charge_reference
        )
        attempt = await attempt_outcomes.lock_attempt(connection, attempt_id=attempt_id) if attempt_id else None
        is_new = await money_back.insert_dispute(
            connection,
            gateway=services.gateway.name,
            dispute=dispute,
            attempt_id=attempt_id,
            account_id=attempt.account_id if attempt else None,
            now=now,
        )
        is_closed = not is_new and await money_back.close_dispute(
            connection, gateway=services.gateway.name, dispute=dispute
        )
        if not is_new and not is_closed:
            return MoneyBack.KNOWN
        await _follow_up(services, connection, dispute=dispute, attempt=attempt, now=now)
        return MoneyBack.RECORDED if attempt else MoneyBack.NOT_OURS


async def _follow_up(
    services: Services,
    connection: AsyncConnection,
    *,
    dispute: GatewayDispute,
    attempt: attempt_outcomes.LockedAttempt | None,
    now: datetime,
) -> None:
    is_open = dispute.state is DisputeState.OPEN
    withdrawn = await _withdraw_overtaken(connection, attempt_id=attempt.id, now=now) if attempt else {}
    detail = {"amount": dispute.amount, "reason": dispute.reason, "state": dispute.state}
    await tasks.raise_task(
        connection,
        kind="dispute_opened" if is_open else "dispute_closed",
        subject=dispute.gateway_reference,
        account_id=attempt.account_id if attempt else None,
        detail=_names(attempt) | detail | withdrawn,
        now=now,
    )
    if attempt is None:
        return
    await settle_bills(connection, attempt_id=attempt.id)
    if is_open:
        # Who disputes a charge is not charged unasked (invariant 11): what still waits is paid by a URL.
        await ask_account_instead(services, connection, account_id=attempt.account_id, now=now)


def _names(attempt: attempt_outcomes.LockedAttempt | None) -> dict[str, object]:
    if attempt is None:
        return {}
    return {"order_number": attempt.order_number, "transaction_id": attempt.transaction_id}
