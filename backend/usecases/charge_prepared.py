"""Send prepared attempts to the gateway, each once: commit the intent, call without a transaction, write the answer."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from backend.domain.states import AttemptState
from backend.failpoints import failpoint
from backend.store import attempts, presses
from backend.store.engine import transaction
from backend.usecases.ask_instead_of_charging import ask_instead_of_charging
from backend.usecases.record_answer import record_answer
from backend.usecases.record_outcome import Outcome
from backend.usecases.run_month_batches import watch_batches
from backend.usecases.services import Services
from backend.usecases.take_back_presses import take_back_presses

LEASE_SECONDS = 60  # longer than the gateway's time limit of 25 s
_FIRST_CHECK = timedelta(minutes=1)


async def charge_due(services: Services, *, now: datetime, size: int = 20) -> int:
    """Charge what is due (automatic months, and what a dead process left behind); returns how many it dealt with.

    What nobody may send unasked any more is not sent: its customer gets a URL.
    """
    async with transaction(services.engine) as connection:
        await take_back_presses(services, connection, now=now)
        due = await attempts.take_prepared(
            connection, now=now, check_at=now + _FIRST_CHECK, size=size, lease_seconds=LEASE_SECONDS
        )
        unwanted = [attempt.request_id for attempt in due if attempt.is_unwanted]
        asked = await ask_instead_of_charging(services, connection, request_ids=unwanted, now=now)
    sent = [attempt for attempt in due if not attempt.is_unwanted]
    if sent:
        failpoint("after-sent-commit")
    await asyncio.gather(*(_send(services, attempt) for attempt in sent))
    if sent:
        await watch_batches(services, now=services.clock.now())  # before the next chunk: a stop must not come late
    return len(sent) + len(asked)


async def charge_one(services: Services, *, attempt_id: UUID, now: datetime) -> AttemptState | None:
    """Charge this attempt now, for a payer who is waiting.

    None when somebody else has taken it, or when everything was stopped or its card refused meanwhile: then the press
    is taken back.
    """
    async with transaction(services.engine) as connection:
        attempt = await attempts.take_one(
            connection,
            attempt_id=attempt_id,
            now=now,
            check_at=now + _FIRST_CHECK,
            lease_seconds=LEASE_SECONDS,
        )
        if attempt is None:
            await presses.take_back(connection, now=now, attempt_id=attempt_id)
            return None
    failpoint("after-sent-commit")
    return await _send(services, attempt)


async def _send(services: Services, attempt: attempts.SendableAttempt) -> AttemptState:
    return await record_answer(services, attempt_id=attempt.id, answer=_charge(services, attempt))


async def _charge(services: Services, attempt: attempts.SendableAttempt) -> Outcome:
    outcome = await services.gateway.charge(attempt_id=attempt.id, charge_request=attempt.charge_request)
    failpoint("after-capture")
    return outcome
