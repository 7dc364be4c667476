"""Send approved refunds, each once, and find out what became of those without an answer; never guesses."""

import asyncio
from datetime import datetime, timedelta

from backend.domain.retry_schedule import ABSENT_IS_FINAL_AFTER, REPLAY_WITHIN
from backend.failpoints import failpoint
from backend.ports import Absent, RefundLookUp, RefundOutcome, RefundRefused
from backend.store import refund_outcomes
from backend.store.engine import transaction
from backend.usecases.record_refund import Outcome, record_refund
from backend.usecases.services import Services

LEASE_SECONDS = 60  # longer than a look-up and a replay at the gateway's time limit of 25 s
_FIRST_CHECK = timedelta(minutes=1)


async def send_due_refunds(services: Services, *, now: datetime, size: int = 5) -> int:
    """Send what was approved; returns how many were sent."""
    async with transaction(services.engine) as connection:
        taken = await refund_outcomes.take_prepared(
            connection, now=now, check_at=now + _FIRST_CHECK, size=size, lease_seconds=LEASE_SECONDS
        )
    if taken:
        failpoint("after-refund-sent-commit")
    await asyncio.gather(*(_send(services, refund, now=now) for refund in taken))
    return len(taken)


async def resolve_due_refunds(services: Services, *, now: datetime, size: int = 5) -> int:
    """Ask about every refund without an answer whose time has come; returns how many were asked about."""
    async with transaction(services.engine) as connection:
        taken = await refund_outcomes.take_unresolved(connection, now=now, size=size, lease_seconds=LEASE_SECONDS)
    if taken:
        failpoint("after-refund-resolve-take")
    await asyncio.gather(*(_resolve(services, refund, now=now) for refund in taken))
    return len(taken)


async def _send(services: Services, refund: refund_outcomes.SendableRefund, *, now: datetime) -> None:
    outcome = await _give_back(services, refund, now=now)
    failpoint("after-refund-answer")
    await record_refund(services, refund_id=refund.id, outcome=outcome, now=services.clock.now())


async def _give_back(services: Services, refund: refund_outcomes.SendableRefund, *, now: datetime) -> Outcome:
    """A row older than its key's life may have been sent in a time that we have forgotten: it is looked for first."""
    if now - refund.created_at >= _replay_life(services):
        look_up = await _look_up(services, refund)
        if not isinstance(look_up, Absent):
            return look_up
    return await _call(services, refund)


async def _resolve(services: Services, refund: refund_outcomes.SendableRefund, *, now: datetime) -> None:
    outcome = await _ask(services, refund, now=now)
    await record_refund(services, refund_id=refund.id, outcome=outcome, now=services.clock.now())


async def _ask(services: Services, refund: refund_outcomes.SendableRefund, *, now: datetime) -> Outcome:
    """Resolution a, b, c of money.md. A replay may give back for the first time, which is what was approved."""
    look_up = await _look_up(services, refund)
    if not isinstance(look_up, Absent):
        return look_up
    age = now - refund.first_sent_at
    if age < _replay_life(services) and refund.may_send:
        replay = await _call(services, refund)
        # A replay that is refused says nothing about the first call: that one may be the reason of the refusal.
        return look_up if isinstance(replay, RefundRefused) else replay
    if age > ABSENT_IS_FINAL_AFTER:
        return RefundRefused(code="not_processed", evidence=look_up.evidence)
    return look_up


async def _call(services: Services, refund: refund_outcomes.SendableRefund) -> RefundOutcome:
    return await services.gateway.refund(
        refund_id=refund.id, gateway_reference=refund.charge_reference, amount=refund.amount
    )


async def _look_up(services: Services, refund: refund_outcomes.SendableRefund) -> RefundLookUp:
    return await services.gateway.find_refund(refund_id=refund.id, gateway_reference=refund.charge_reference)


def _replay_life(services: Services) -> timedelta:
    return min(REPLAY_WITHIN, timedelta(seconds=services.gateway.capabilities.idempotency_seconds))
