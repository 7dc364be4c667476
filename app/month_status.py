"""Says how the batches of automatic charges stand and what stops them, for people and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from app.month_report import month_words
from backend.domain.billing_calendar import JST
from backend.domain.states import BatchState
from backend.store import batches, charging_stops
from backend.store.engine import transaction
from backend.usecases.run_month_batches import stands_still_since
from backend.usecases.services import Services

_NEWEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest batches, which of them stand still since when, and the stops that nobody has lifted."""

    batches: Sequence[batches.KnownBatch]
    still: Mapping[int, datetime]
    stops: Sequence[charging_stops.OpenStop]


async def read(services: Services) -> Standing:
    """How things stand now."""
    now = services.clock.now()
    async with transaction(services.engine) as connection:
        newest = await batches.recent(connection, size=_NEWEST)
        since = {
            batch.id: await stands_still_since(connection, batch_id=batch.id, counts=batch.counts, now=now)
            for batch in newest
            if batch.state in {BatchState.CANARY, BatchState.RUNNING}
        }
        stops = await charging_stops.open_stops(connection)
    return Standing(batches=newest, still={batch: at for batch, at in since.items() if at}, stops=stops)


def lines(standing: Standing) -> Iterator[str]:
    """For people."""
    words = month_words()
    if not standing.batches:
        yield words["status"]["none"]
    for batch in standing.batches:
        yield from _batch(batch)
        if batch.id in standing.still:
            yield words["status"]["still"].format(since=f"{standing.still[batch.id].astimezone(JST):%m-%d %H:%M}")
    for stop in standing.stops:
        yield words["status"]["stop"].format(
            reason=words["stop_reasons"][stop.reason], stopped_at=f"{stop.stopped_at.astimezone(JST):%Y-%m-%d %H:%M}"
        )


def _batch(batch: batches.KnownBatch) -> Iterator[str]:
    words, counts = month_words(), batch.counts
    yield words["status"]["line"].format(
        id=batch.id,
        opened_on=batch.opened_on,
        state=words["batch_states"][batch.state],
        attempts=f"{counts.attempts:,}",
        total=f"{batch.total or 0:,}",
        succeeded=f"{counts.succeeded:,}",
        waiting=f"{counts.waiting:,}",
        held=f"{counts.held:,}",
        under_way=f"{counts.under_way:,}",
        canaries=f"{counts.canaries:,}",
    )
    since = batch.counted_from.astimezone(JST) if batch.counted_from else None
    yield words["status"]["since"].format(
        since=f"{since:%m-%d %H:%M}" if since else words["status"]["beginning"],
        outcomes=f"{counts.outcomes:,}",
        declined=f"{counts.declined:,}",
        declined_percent=_percent(counts.declined, counts.outcomes),
        faults=f"{counts.faults:,}",
        faults_percent=_percent(counts.faults, counts.outcomes),
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "0"


def resumed(lifted: Sequence[str], *, left: Sequence[str]) -> Iterator[str]:
    """What was lifted, and what still stands in the way."""
    words = month_words()
    reasons = words["stop_reasons"]
    if lifted:
        yield words["resume"]["lifted"].format(reasons=", ".join(reasons[reason] for reason in lifted))
    else:
        yield words["resume"]["nothing"]
    if left:
        yield words["resume"]["others"].format(reasons=", ".join(reasons[reason] for reason in left))


def as_data(standing: Standing) -> dict[str, object]:
    """For programs."""
    return {
        "batches": [
            {
                "id": batch.id,
                "opened_on": batch.opened_on.isoformat(),
                "state": batch.state,
                "stop_reason": batch.stop_reason,
                "stands_still_since": standing.still[batch.id].isoformat() if batch.id in standing.still else None,
                "total": batch.total,
                "median": batch.median,
                **asdict(batch.counts),
            }
            for batch in standing.batches
        ],
        "stops": [
            {"reason": stop.reason, "scope": stop.scope, "stopped_at": stop.stopped_at.isoformat()}
            for stop in standing.stops
        ],
    }
