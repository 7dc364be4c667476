"""Take a stopped month back, so that wrong bills can be corrected and asked for anew; what was sent stays."""

from datetime import datetime

import structlog

from backend.store import batches, closing, opening
from backend.store.engine import transaction
from backend.usecases.restore_gate import refuse_closed_gate
from backend.usecases.services import Services

_CHUNK = 5_000  # requests a transaction
log = structlog.get_logger()


async def withdraw_stopped(services: Services, *, by: str, note: str, now: datetime) -> int:
    """Withdraw what waits in stopped batches and free its bills; returns how many charges were taken back.

    No customer has been told of them. The next opening asks for the bills as they are then, in a new batch.

    Raises:
        GateClosedError: after a restore nobody knows yet which of them were sent.
    """
    await refuse_closed_gate(services)
    withdrawn = 0
    while True:
        async with transaction(services.engine) as connection:
            await opening.lock_opening(connection)
            await opening.plan_afresh(connection)
            ids = await batches.withdraw_stopped(connection, size=_CHUNK, now=now)
            await closing.void_requests(connection, request_ids=ids, now=now)
        withdrawn += len(ids)
        if len(ids) < _CHUNK:
            log.warning("batches_withdrawn", charges=withdrawn, by=by, note=note)
            return withdrawn
