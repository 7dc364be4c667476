"""End the month for requests not paid by the 20th: close through the gateway, carry the bills over (R05, R06)."""

from datetime import datetime

from backend.domain.retry_schedule import CHALLENGE_LIFE
from backend.failpoints import failpoint
from backend.store import closing, links
from backend.store.engine import transaction
from backend.usecases.finish_closing import finish_closing
from backend.usecases.resolve_unknown_payments import cancel_challenge
from backend.usecases.services import Services

_CHUNK = 10_000


async def expire_payment_requests(services: Services, *, now: datetime) -> int:
    """Close what is past its last day; returns how many requests expired.

    A request whose attempt has no final answer stays `closing`, its bills held, until the gateway has spoken. So
    does one whose payer was asked by the issuer just before midnight: the answer has its usual time (money.md: grace).
    """
    expired = 0
    while True:
        async with transaction(services.engine) as connection:
            begun = await closing.begin_closing(connection, now=now, size=_CHUNK)
            expired += await finish_closing(services, connection, now=now)
            abandoned = await closing.challenged_attempts(connection, asked_before=now - CHALLENGE_LIFE)
            failpoint("inside-expiry")
        failpoint("after-expiry")
        for attempt_id in abandoned:
            await cancel_challenge(services, attempt_id=attempt_id, now=now)
        if len(begun) < _CHUNK:
            break
    async with transaction(services.engine) as connection:
        await links.settle_ended(connection, now=now)
    return expired


async def close_settled_late(services: Services, *, now: datetime) -> int:
    """Finish requests that waited in `closing` for an outcome which has come meanwhile; returns how many."""
    async with transaction(services.engine) as connection:
        return await finish_closing(services, connection, now=now)
