"""A gateway notification arrived: it is only a reason to ask the gateway, whose answer is the truth (f26, f27)."""

from datetime import datetime
from uuid import UUID

from backend.domain.states import AttemptState
from backend.ports import Absent, Unknown
from backend.store import attempts
from backend.store.engine import transaction
from backend.store.inbox import InboxEvent
from backend.usecases.record_outcome import record_outcome
from backend.usecases.resolve_unknown_payments import resolve_one
from backend.usecases.services import Services


class NothingLearntError(Exception):
    """The gateway told of an attempt and does not say more now; the inbox brings the event again later."""


async def receive_gateway_event(services: Services, event: InboxEvent, *, now: datetime) -> None:
    """Ask about the attempt that the notification names; others (registrations, refunds) need nothing here.

    Raises:
        NothingLearntError: an attempt that nobody else asks about could not be looked up (late money is not lost).
    """
    if not str(event.body.get("type", "")).startswith("charge."):
        return
    attempt_id = _attempt_of(event)
    if attempt_id is None:
        return
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


def _attempt_of(event: InboxEvent) -> UUID | None:
    data = event.body.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    metadata = thing.get("metadata") if isinstance(thing, dict) else None
    named = metadata.get("attempt_id") if isinstance(metadata, dict) else None
    try:
        return UUID(str(named)) if named else None
    except ValueError:
        return None
