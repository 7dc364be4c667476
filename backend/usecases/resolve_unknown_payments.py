"""Find out what became of attempts without an answer: replay inside the key's life, then look up, never guess."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from backend.domain.retry_schedule import ABSENT_IS_FINAL_AFTER, CHALLENGE_LIFE, REPLAY_WITHIN
from backend.domain.states import AttemptState, DeclineClass
from backend.failpoints import failpoint
from backend.ports import Absent, Challenged, Declined, Unknown
from backend.store import attempt_outcomes, attempts, unwanted_charges
from backend.store.engine import transaction
from backend.usecases.record_answer import record_answer
from backend.usecases.record_outcome import Outcome, record_outcome
from backend.usecases.services import Services

_LEASE_SECONDS = 120
_STEP_SECONDS = 80  # look-up, replay and cancel together: over before the lease is, with time to record


async def resolve_due(services: Services, *, now: datetime, size: int = 20) -> int:
    """Ask about every open outcome whose time has come; returns how many were asked about."""
    async with transaction(services.engine) as connection:
        taken = await attempts.take_unresolved(connection, now=now, size=size, lease_seconds=_LEASE_SECONDS)
    if taken:
        failpoint("after-resolve-take")
    await asyncio.gather(*(_resolve(services, attempt, now=now) for attempt in taken))
    return len(taken)


async def resolve_one(services: Services, *, attempt_id: UUID, now: datetime) -> AttemptState | None:
    """Ask about this attempt now (a webhook came); None when it is being asked about already."""
    async with transaction(services.engine) as connection:
        taken = await attempts.take_unresolved(
            connection, now=now, size=1, lease_seconds=_LEASE_SECONDS, attempt_id=attempt_id
        )
    return await _resolve(services, taken[0], now=now) if taken else None


async def _resolve(services: Services, attempt: attempts.UnresolvedAttempt, *, now: datetime) -> AttemptState:
    return await record_answer(services, attempt_id=attempt.id, answer=_answer_in_time(services, attempt, now=now))


async def _answer_in_time(services: Services, attempt: attempts.UnresolvedAttempt, *, now: datetime) -> Outcome:
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            return await _ask_or_end(services, attempt, now=now)
    except TimeoutError:
        return Unknown(reason="the look-up took too long")


async def _ask_or_end(services: Services, attempt: attempts.UnresolvedAttempt, *, now: datetime) -> Outcome:
    """Ask what became of it; a 3-D Secure that nobody will finish, or that nobody may finish any more, is ended."""
    outcome = await _ask(services, attempt, now=now)
    is_abandoned = now - attempt.first_sent_at >= CHALLENGE_LIFE or not attempt.charge_request["present"]
    if isinstance(outcome, Challenged) and (is_abandoned or attempt.is_paid_otherwise):
        return await _give_up_challenge(services, attempt.id, outcome)
    return outcome


async def _ask(services: Services, attempt: attempts.UnresolvedAttempt, *, now: datetime) -> Outcome:
    """Resolution a, b, c of money.md. A replay may charge for the first time, which is what was asked for."""
    age = _age(services, attempt, now=now)
    replay_life = min(REPLAY_WITHIN, timedelta(seconds=services.gateway.capabilities.idempotency_seconds))
    look_up = await services.gateway.look_up(attempt_id=attempt.id, charge_request=attempt.charge_request)
    failpoint("after-look-up")
    if not isinstance(look_up, Absent):
        return look_up
    if age < replay_life:
        if not await _may_replay(services, attempt.id, now=now):
            return look_up  # a replay can move money: it waits for the next look
        replay = await services.gateway.charge(attempt_id=attempt.id, charge_request=attempt.charge_request)
        failpoint("after-replay")
        return look_up if _is_refused_call(replay) else replay
    if age > ABSENT_IS_FINAL_AFTER:
        return Declined(
            decline_class=DeclineClass.OURS,
            decline_code="not_processed",
            gateway_reference=None,
            evidence=look_up.evidence,
        )
    return look_up


def _age(services: Services, attempt: attempts.UnresolvedAttempt, *, now: datetime) -> timedelta:
    """How long ago it was first sent. Wherever time is real, the database's clock counts alone (f17).

    A wrong clock, of this machine or of the one that sent it, must not end what may still be on its way.
    """
    return attempt.witnessed_age if services.clock.is_real else now - attempt.first_sent_at


async def _may_replay(services: Services, attempt_id: UUID, *, now: datetime) -> bool:
    async with transaction(services.engine) as connection:
        return await unwanted_charges.may_replay(connection, attempt_id=attempt_id, now=now)


def _is_refused_call(replay: Outcome) -> bool:
    """A replay refused before it became a charge (a 4xx of ours) says nothing about the first call."""
    return isinstance(replay, Declined) and replay.gateway_reference is None


async def _give_up_challenge(services: Services, attempt_id: UUID, outcome: Challenged) -> Outcome:
    """Cancel it, and trust only the gateway's answer: the payer may have been faster."""
    canceled = await services.gateway.cancel(attempt_id=attempt_id, gateway_reference=outcome.gateway_reference)
    failpoint("after-cancel")
    return canceled


async def cancel_challenge(services: Services, *, attempt_id: UUID, now: datetime) -> AttemptState:
    """End a 3-D Secure that was not finished in time, through the gateway; late success is booked as success."""
    async with transaction(services.engine) as connection:
        attempt = await attempt_outcomes.lock_attempt(connection, attempt_id=attempt_id)
    if attempt.state is not AttemptState.CHALLENGED or attempt.gateway_reference is None:
        return attempt.state
    outcome = await services.gateway.cancel(attempt_id=attempt_id, gateway_reference=attempt.gateway_reference)
    failpoint("after-cancel")
    return await record_outcome(services, attempt_id=attempt_id, outcome=outcome, now=now)
