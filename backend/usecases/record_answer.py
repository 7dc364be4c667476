"""Wait for the gateway and write down what it said; whatever goes wrong on the way leaves the outcome unknown."""

from collections.abc import Awaitable
from uuid import UUID

import structlog

from backend.domain.states import AttemptState
from backend.ports import Unknown
from backend.usecases.record_outcome import Outcome, record_outcome
from backend.usecases.services import Services

log = structlog.get_logger()


async def record_answer(services: Services, *, attempt_id: UUID, answer: Awaitable[Outcome]) -> AttemptState:
    """Write down the answer as soon as it is there; returns the state that the attempt has afterwards.

    An answer that nobody can read or keep must not leave the attempt without a next look, nor end the step of the
    attempts beside it: it counts as no answer, so that the schedule, and in the end people, look at it (f23).
    Raises only what writing that down raises: then the lease ends, and the attempt is asked about again.
    """
    try:
        outcome = await answer
        return await record_outcome(services, attempt_id=attempt_id, outcome=outcome, now=services.clock.now())
    except Exception as problem:  # a door: the gateway's answers are not ours to trust
        log.exception("answer_not_recorded", attempt=str(attempt_id))
        nothing = Unknown(reason=f"not recorded: {type(problem).__name__}")
    return await record_outcome(services, attempt_id=attempt_id, outcome=nothing, now=services.clock.now())
