"""A gateway notification arrived: it is only a reason to ask the gateway, whose answer is the truth (f26, f27)."""

from datetime import datetime
from uuid import UUID

from backend.domain.states import AttemptState
from backend.ports import Absent, Unknown
from backend.store import attempts
from backend.store.engine import transaction
from backend.store.inbox import InboxEvent
from backend.usecases.record_money_back import MoneyBack, record_dispute, record_foreign_refund
from backend.usecases.record_outcome import record_outcome
from backend.usecases.resolve_unknown_payments import resolve_one
from backend.usecases.services import Services


class NothingLearntError(Exception):
    """The gateway told of an attempt and does not say more now; the inbox brings the event again later."""


async def receive_gateway_event(services: Services, event: InboxEvent, *, now: datetime) -> None:
    """Ask about the charge, refund or dispute that the notification names; registrations need nothing here.

    Raises:
        NothingLearntError: an attempt that nobody else asks about could not be looked up (late money is not lost).
        GatewayUnavailableError: a refund or a dispute could not be looked up; the inbox brings the event again.
    """
    match str(event.body.get("type", "")).partition(".")[0]:
        case "charge" if attempt_id := _attempt_of(event):
            await _learn_charge(services, attempt_id=attempt_id, now=now)
        case "refund" if reference := _reference_of(event):
            await _learn_refund(services, reference=reference, now=now)
        case "dispute" if reference := _reference_of(event):
            dispute = await services.gateway.look_up_dispute(dispute_reference=reference)
            if dispute is not None:
                await record_dispute(services, dispute=dispute, now=now)


async def _learn_charge(services: Services, *, attempt_id: UUID, now: datetime) -> None:
    async with transaction(services.engine) as connection:
        attempt = await attempts.find_attempt(connection, attempt_id=attempt_id)
    if attempt is None or attempt.state in {AttemptState.SUCCEEDED, AttemptState.PREPARED}:
        return
    if attempt.state in {AttemptState.DECLINED, AttemptState.WITHDRAWN}:
        outcome = await services.gateway.look_up(attempt_id=attempt_id, charge_request=attempt.charge_request)
        if isinstance(outcome, Unknown | Absent):
            raise NothingLearntError(str(attempt_id))
        await record_outcome(services, attempt_id=attempt_id, outcome=outcome, now=now)
        return
    await resolve_one(services, attempt_id=attempt_id, now=now)


async def _learn_refund(services: Services, *, reference: str, now: datetime) -> None:
    refund = await services.gateway.look_up_refund(refund_reference=reference)
    if refund is None:
        return
    learnt = await record_foreign_refund(services, refund=refund, now=now)
    if learnt is MoneyBack.TOO_EARLY and refund.attempt_id is not None:
        await _learn_charge(services, attempt_id=refund.attempt_id, now=now)
        learnt = await record_foreign_refund(services, refund=refund, now=now)
    if learnt is MoneyBack.TOO_EARLY:
        raise NothingLearntError(reference)


def _reference_of(event: InboxEvent) -> str | None:
    """The gateway's id of the object that a notification is about."""
    data = event.body.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    named = thing.get("id") if isinstance(thing, dict) else None
    return named if isinstance(named, str) and named.isascii() and named.replace("_", "").isalnum() else None


def _attempt_of(event: InboxEvent) -> UUID | None:
    data = event.body.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    metadata = thing.get("metadata") if isinstance(thing, dict) else None
    named = metadata.get("attempt_id") if isinstance(metadata, dict) else None
    try:
        return UUID(str(named)) if named else None
    except ValueError:
        return None
