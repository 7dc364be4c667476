"""A worker that outlives its lease takes nothing back from the one that came after it (f17, f22)."""

from datetime import datetime

from backend.store import inbox
from backend.store.engine import transaction
from backend.usecases.work_inbox import work_inbox
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger


async def test_an_event_that_another_worker_has_applied_meanwhile_is_not_set_back(
    ledger: Ledger, clock: FakeClock
) -> None:
    told = inbox.NewEvent(source="line", event_id="e1", order_key="U1", body={}, occurred_at=clock.now())
    async with transaction(ledger.services.engine) as connection:
        await inbox.insert_events(connection, events=[told], now=clock.now())

    async def applies(_event: inbox.InboxEvent, _at: datetime) -> None:
        return

    async def outlives_its_lease(_event: inbox.InboxEvent, _at: datetime) -> None:
        await ledger.change("UPDATE inbox_event SET lease_until = clock_timestamp() - interval '1 second'")
        await work_inbox(ledger.services, handlers={"line": applies}, now=clock.now())
        raise RuntimeError("too late")

    await work_inbox(ledger.services, handlers={"line": outlives_its_lease}, now=clock.now())

    assert await ledger.rows("SELECT state FROM inbox_event") == [("done",)]
