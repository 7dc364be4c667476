"""Batches in trouble: canaries that show nothing, charges that nobody sends, an opening that has lost its lock."""

from datetime import datetime

import pytest

from backend.domain.states import DeclineClass, StopScope
from backend.store import batches
from backend.store.engine import transaction
from backend.usecases.brake import pull_brake
from backend.usecases.request_card_change import request_card_change
from backend.usecases.run_month_batches import watch_batches
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.usecases.batch_rig import Month, charge_all, month_with, no, opened
from tests.usecases.test_run_month_batches import CANARY_ACCOUNTS, OPEN_STOPS

SOFT = no(DeclineClass.SOFT)
HOLD_ALL = """
INSERT INTO reconciliation_exception (kind, reference, account_id, amount, detail, is_blocking, found_at)
SELECT 'missing_locally', 'ch_' || r.account_id, r.account_id, 100, '{}', true, :now
FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
"""
HOLD = HOLD_ALL + "WHERE is_canary"
STANDSTILLS = "SELECT b.state FROM staff_task t, charge_batch b WHERE t.kind = 'batch_stands_still'"


async def stopped_by_hand(month: Month, *, now: datetime) -> None:
    await pull_brake(month.services.engine, scope=StopScope.AUTOMATIC, by="hana", note="", now=now)


class TestSubstitutes:
    async def test_when_all_canaries_were_taken_back_others_go_in_their_place(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, SOFT, canary_size=1)
        await opened(month, customers=30)
        [(account,)] = await month.ledger.rows(CANARY_ACCOUNTS)
        await request_card_change(month.services, account_id=account, now=clock.now())

        await charge_all(month)

        assert await month.states() == {"withdrawn": 1, "declined": 1, "prepared": 28}
        assert await month.ledger.rows(OPEN_STOPS) == [("decline_ratio", "automatic")]

    async def test_a_canary_whose_account_waits_for_people_holds_nobody_up(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, canary_size=2)
        clock.go_to("2026-11-10T09:00")
        await opened(month, customers=30)
        await month.ledger.change(HOLD, now=clock.now())

        clock.go_to("2026-11-10T12:00")
        await charge_all(month)

        assert await month.states() == {"succeeded": 28, "prepared": 2}
        assert await month.batch() == "running"
        assert await month.ledger.rows("SELECT count(*) FROM payment_attempt WHERE is_canary") == [(4,)]

    async def test_a_batch_whose_accounts_all_wait_for_people_passes_no_canary(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, canary_size=2)
        clock.go_to("2026-11-10T09:00")
        await opened(month, customers=5)
        await month.ledger.change(HOLD_ALL, now=clock.now())

        clock.go_to("2026-11-10T12:00")
        await charge_all(month)

        assert await month.batch() == "canary"
        assert month.gateway.charged == []


class TestStandstill:
    async def test_a_batch_that_may_go_and_does_not_is_told_once(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services, canary_size=2)
        await opened(month, customers=5)

        await watch_batches(month.services, now=clock.forward(minutes=29))
        before = await month.ledger.rows(STANDSTILLS)
        await watch_batches(month.services, now=clock.forward(minutes=2))
        await watch_batches(month.services, now=clock.forward(hours=1))

        assert before == []
        assert await month.ledger.rows(STANDSTILLS) == [("canary",)]

    async def test_what_waits_for_its_hour_or_behind_a_stop_does_not_stand_still(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services)
        clock.go_to("2026-11-10T03:00")
        await opened(month, customers=5)

        await watch_batches(month.services, now=clock.go_to("2026-11-10T10:10"))
        await stopped_by_hand(month, now=clock.now())
        await watch_batches(month.services, now=clock.forward(hours=3))

        assert await month.ledger.rows(STANDSTILLS) == []


class TestOpening:
    async def test_nobody_ends_an_opening_while_charges_are_being_added(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services)
        await opened(month, customers=2)
        [(batch_id,)] = await month.ledger.rows("SELECT id FROM charge_batch")
        await month.ledger.change("UPDATE charge_batch SET state = 'opening', canary_passed_at = NULL")

        async with transaction(services.engine) as lane:
            await batches.join_opening(lane, batch_id=batch_id)
            await watch_batches(month.services, now=clock.now())
            meanwhile = await month.batch()
        await watch_batches(month.services, now=clock.now())

        assert (meanwhile, await month.batch()) == ("opening", "running")

    async def test_nothing_is_added_to_a_batch_whose_opening_somebody_has_ended(self, services: Services) -> None:
        month = month_with(services)
        await opened(month, customers=2)
        [(batch_id,)] = await month.ledger.rows("SELECT id FROM charge_batch")

        async with transaction(services.engine) as lane:
            with pytest.raises(batches.OpeningIsOverError):
                await batches.join_opening(lane, batch_id=batch_id)
