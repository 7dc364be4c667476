"""The restore gate: a database that has lost some of its past charges nobody and sends no news until that is imported.

What makes it close, and why it stays open otherwise: docs/decisions/0013-the-restore-gate.md. It never opens by
itself, except where it was closed only because the gateway could not be asked and the answer then is good.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.gateway_objects import GatewayTransaction
from backend.domain.states import StopReason, StopScope
from backend.ports import GatewayUnavailableError
from backend.store import charging_stops, inbox, restore_gate, tasks
from backend.store.engine import transaction
from backend.usecases.our_beginning import reach_back
from backend.usecases.services import Services

_OVERLAP = timedelta(minutes=5)  # the gateway's clock and list may lag behind ours; f17 stops larger jumps
_AHEAD = timedelta(days=1)  # its clock may be before ours, too
_PAUSES = (0.3, 1.0)  # seconds before the gateway is asked again
_BATCH = 500
log = structlog.get_logger()


class GateClosedError(Exception):
    """The restore gate is closed: run `tsukibarai gate` to see why, `tsukibarai gate import` to import the gap."""


class ClosedBecause(StrEnum):
    """Why the gate closed; the first reason stays."""

    DATABASE_MOVED = "database_moved"
    GATEWAY_IS_NEWER = "gateway_is_newer"
    GATEWAY_NOT_ASKED = "gateway_not_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedGate:
    """Since when and why nothing may be charged; the gap is between `since` and `closed_at`."""

    because: ClosedBecause
    since: datetime | None  # nothing forgotten happened at the gateway before this; None: no account existed
    remembers_until: datetime | None
    closed_at: datetime
    detail: Mapping[str, object]


async def find_closed_gate(services: Services) -> ClosedGate | None:
    """The gate as it was closed; None while it is open."""
    async with transaction(services.engine) as connection:
        return await _find(connection)


async def check_gate_at_start(services: Services, *, now: datetime, seconds: float) -> None:
    """The check of a process that begins. It waits for the gateway only so long; then charging waits for the worker."""
    try:
        async with asyncio.timeout(seconds):
            await check_gate(services, now=now)
    except TimeoutError:
        async with transaction(services.engine) as connection:
            memory = await restore_gate.read_memory(connection)
        detail = {"gateway": f"no answer within {seconds} seconds"}
        await _close(services, because=ClosedBecause.GATEWAY_NOT_ASKED, memory=memory, detail=detail, now=now)


@dataclass(slots=True, kw_only=True)
class GateWatch:
    """A running process's eye on the gate: the database may move under us, the gateway may be back."""

    services: Services
    _was_away: bool = False  # the database: when it is back, it may be another one

    async def look(self, now: datetime) -> int:
        """One cheap look; asks the gateway only when there is a reason to. Never more to do at once: returns 0."""
        was_away, self._was_away = self._was_away, True
        async with transaction(self.services.engine) as connection:
            has_moved = await restore_gate.has_moved(connection)
            gate = await _find(connection)
        is_unasked = gate is not None and gate.because is ClosedBecause.GATEWAY_NOT_ASKED
        if was_away or is_unasked or (has_moved and gate is None):
            await check_gate(self.services, now=now)
        self._was_away = False
        return 0


async def check_gate(services: Services, *, now: datetime) -> ClosedGate | None:
    """Compare this database with what was noted, and its memory with the gateway's; close the gate if need be.

    Costs a few look-ups and one page of the gateway's list. A database without an account has nothing to protect.
    """
    await check_identity(services, now=now)
    gate = await find_closed_gate(services)
    if gate and gate.because is not ClosedBecause.GATEWAY_NOT_ASKED:
        return gate
    async with transaction(services.engine) as connection:
        memory = await restore_gate.read_memory(connection)
    since = min((moment for moment in (memory.evidence_until, gate and gate.since) if moment), default=None)
    if since is None:
        return gate
    await _ask_the_gateway(services, since=since, memory=memory, now=now)
    return await find_closed_gate(services)


async def check_identity(services: Services, *, now: datetime) -> bool:
    """Whether this still is the database that we noted; the first process notes it. Closes the gate if it is not."""
    async with transaction(services.engine) as connection:
        noted = await restore_gate.find_identity(connection)
        found = await restore_gate.read_signs(connection)
        memory = await restore_gate.read_memory(connection)
        if noted is None:
            await restore_gate.note_first_identity(connection, parts=found, now=now)
            return True
        moved = {name: [noted[name], found[name]] for name in noted.keys() & found.keys() if noted[name] != found[name]}
        if not moved:
            return True
        if memory.evidence_until is None:  # a copy of an empty database, such as a template
            await restore_gate.note_identity(connection, parts=found, noted_by="empty", now=now)
            return True
    await _close(services, because=ClosedBecause.DATABASE_MOVED, memory=memory, detail={"moved": moved}, now=now)
    return False


async def check_books(services: Services, *, since: datetime, now: datetime) -> None:
    """Close the gate for movements in the copied books that we must have forgotten; asks nobody."""
    async with transaction(services.engine) as connection:
        oldest = await restore_gate.oldest_forgotten(connection, gateway=services.gateway.name, since=since)
    if oldest is None:
        return
    memory = restore_gate.Memory(evidence_until=oldest, remembers_until=oldest)
    await _close(services, because=ClosedBecause.GATEWAY_IS_NEWER, memory=memory, detail={}, now=now)


async def refuse_closed_gate(services: Services) -> None:
    """Raise GateClosedError while the gate is closed."""
    gate = await find_closed_gate(services)
    if gate:
        raise GateClosedError(f"the restore gate is closed ({gate.because}); run `tsukibarai gate`")


async def _ask_the_gateway(services: Services, *, since: datetime, memory: restore_gate.Memory, now: datetime) -> None:
    """Close for money that we have forgotten, or because nobody can say; open again what only waited for an answer."""
    memory = restore_gate.Memory(evidence_until=since, remembers_until=memory.remembers_until)
    try:
        forgotten = await _look_for_forgotten(services, since=since, now=now)
    except GatewayUnavailableError as problem:
        detail = {"gateway": str(problem)}
        await _close(services, because=ClosedBecause.GATEWAY_NOT_ASKED, memory=memory, detail=detail, now=now)
        return
    if forgotten:
        detail = {"example": forgotten[0]}
        await _close(services, because=ClosedBecause.GATEWAY_IS_NEWER, memory=memory, detail=detail, now=now)
        return
    async with transaction(services.engine) as connection:
        await _lift_unasked(connection, now=now)


async def _look_for_forgotten(services: Services, *, since: datetime, now: datetime) -> list[str]:
    """Ask again after a moment: one bad answer is no reason to stop everybody's payments."""
    for pause in _PAUSES:
        try:
            return await _look_once(services, since=since, now=now)
        except GatewayUnavailableError:
            await asyncio.sleep(pause)
    return await _look_once(services, since=since, now=now)


async def _look_once(services: Services, *, since: datetime, now: datetime) -> list[str]:
    reach = await reach_back(services, since=since, overlap=_OVERLAP)
    return await _first_forgotten(services, since=reach, until=now + _AHEAD)


async def _first_forgotten(services: Services, *, since: datetime, until: datetime) -> list[str]:
    async for batch in _batches(services.gateway.transactions(since=since, until=until)):
        seen = [
            restore_gate.SeenMoney(
                attempt_id=line.attempt_id, refund_id=line.refund_id, reference=line.gateway_reference
            )
            for line in batch
            if line.attempt_id is not None
        ]
        async with transaction(services.engine) as connection:
            forgotten = await restore_gate.find_forgotten(connection, seen=seen)
        if forgotten:
            return forgotten
    return []


async def _batches(lines: AsyncIterator[GatewayTransaction]) -> AsyncIterator[list[GatewayTransaction]]:
    batch: list[GatewayTransaction] = []
    async for line in lines:
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


async def _close(
    services: Services,
    *,
    because: ClosedBecause,
    memory: restore_gate.Memory,
    detail: Mapping[str, object],
    now: datetime,
) -> None:
    """Stop every charge. A gate that is closed keeps its first reason, unless it only waited for an answer."""
    said = {
        "because": because,
        "since": memory.evidence_until and memory.evidence_until.isoformat(),
        "remembers_until": memory.remembers_until and memory.remembers_until.isoformat(),
        **detail,
    }
    is_known = because is not ClosedBecause.GATEWAY_NOT_ASKED
    now = max(now, services.clock.now())  # the gateway took its time to answer, and charging went on
    async with transaction(services.engine) as connection:
        if is_known:
            await _lift_unasked(connection, now=now)
        is_new = await charging_stops.stop_charging(
            connection, reason=StopReason.RESTORE_GATE, scope=StopScope.ALL, detail=said, now=now
        )
        if is_new and is_known:
            await inbox.set_aside(connection, now=now)
        if is_new:
            await _tell(connection, said=said, is_known=is_known, now=now)
    if is_new:
        log.error("restore_gate_closed", because=str(because))


async def _tell(connection: AsyncConnection, *, said: Mapping[str, object], is_known: bool, now: datetime) -> None:
    """A gateway that does not answer is a matter like every stop, and ends with it; a lost past is one of its own."""
    reason = StopReason.RESTORE_GATE
    await tasks.raise_task(
        connection,
        kind="restore_gate_closed" if is_known else "charging_stopped",
        subject=now.isoformat() if is_known else f"{reason}:{StopScope.ALL}:{now.timestamp():.0f}",
        account_id=None,
        detail=said if is_known else {"reason": reason, **said},
        now=now,
    )


async def _lift_unasked(connection: AsyncConnection, *, now: datetime) -> None:
    gate = await _find(connection)
    if gate and gate.because is ClosedBecause.GATEWAY_NOT_ASKED:
        await charging_stops.lift_stop(
            connection,
            reason=StopReason.RESTORE_GATE,
            lifted_by="restore gate",
            note="the gateway was asked",
            now=now,
        )
        asked = {"by": "restore gate", "note": "the gateway was asked"}
        await tasks.settle_about(connection, kind="charging_stopped", about=[StopReason.RESTORE_GATE], **asked, now=now)


async def _find(connection: AsyncConnection) -> ClosedGate | None:
    stops = await charging_stops.open_stops(connection)
    return next((_closed(stop) for stop in stops if stop.reason is StopReason.RESTORE_GATE), None)


def _closed(stop: charging_stops.OpenStop) -> ClosedGate:
    said = stop.detail
    return ClosedGate(
        because=ClosedBecause(str(said["because"])),
        since=_moment(said.get("since")),
        remembers_until=_moment(said.get("remembers_until")),
        closed_at=stop.stopped_at,
        detail=said,
    )


def _moment(said: object) -> datetime | None:
    return datetime.fromisoformat(str(said)) if said else None
