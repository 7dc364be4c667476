"""Letting a stopped month go on, or taking it back: nothing lost, nothing charged twice, whoever works beside."""

import asyncio
from datetime import timedelta

from backend.domain.states import DeclineClass, StopReason, StopScope
from backend.ports import Unknown
from backend.store import charging_stops, opening
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.run_month_batches import resume_charging, watch_batches
from backend.usecases.run_month_withdraw import withdraw_stopped
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.usecases.batch_rig import charge_all, month_with, no, opened

SOFT, LOST = no(DeclineClass.SOFT), Unknown(reason="timeout")
BATCH_TASKS = "SELECT detail ->> 'reason' FROM staff_task WHERE kind = 'charging_stopped' ORDER BY id"


class TestResume:
    async def test_what_was_counted_before_the_resume_stops_nothing_again(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[SOFT] * 20)
        await opened(month, customers=100)
        await charge_all(month)

        lifted = await resume_charging(month.services, by="hana", note="looked", now=clock.forward(minutes=5))
        clock.forward(seconds=1)
        await charge_all(month)

        assert lifted == [StopReason.DECLINE_RATIO]
        assert await month.states() == {"succeeded": 80, "declined": 20}
        assert await month.batch() == "done"

    async def test_new_declines_after_a_resume_stop_it_again(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services, *[SOFT] * 60)
        await opened(month, customers=100)
        await charge_all(month)

        await resume_charging(month.services, by="hana", note="looked", now=clock.forward(minutes=5))
        clock.forward(seconds=1)
        await charge_all(month)

        assert await month.states() == {"declined": 40, "prepared": 60}
        assert await month.ledger.rows(BATCH_TASKS) == [("decline_ratio",), ("decline_ratio",)]

    async def test_a_failed_canary_that_people_have_looked_at_is_not_repeated(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[SOFT] * 10, canary_size=10)
        await opened(month, customers=60)
        await charge_all(month)

        await resume_charging(month.services, by="hana", note="looked", now=clock.forward(minutes=5))
        await charge_all(month)

        assert await month.states() == {"succeeded": 50, "declined": 10}

    async def test_a_stop_lifted_by_another_command_lets_the_batch_go_on(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[SOFT] * 20)
        await opened(month, customers=40)
        await charge_all(month)
        async with transaction(services.engine) as connection:
            await charging_stops.lift_stop(
                connection, reason=StopReason.DECLINE_RATIO, lifted_by="hana", note="", now=clock.forward(minutes=5)
            )

        await charge_all(month)

        assert await month.states() == {"succeeded": 20, "declined": 20}

    async def test_a_stop_of_another_kind_stays(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services)
        await opened(month, customers=10)
        async with transaction(services.engine) as connection:
            await charging_stops.stop_charging(
                connection, reason=StopReason.STAFF, scope=StopScope.AUTOMATIC, detail={}, now=clock.now()
            )

        lifted = await resume_charging(month.services, by="hana", note="", now=clock.now())
        await charge_all(month)

        assert lifted == []
        assert await month.states() == {"prepared": 10}


class TestNothingIsLost:
    async def test_two_workers_through_a_stop_and_a_resume_charge_everybody_once(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[LOST] * 3, canary_size=10)
        await opened(month, customers=120)

        await asyncio.gather(charge_all(month), charge_all(month))
        stopped = await month.states()
        await resume_charging(month.services, by="hana", note="", now=clock.forward(seconds=1))
        clock.forward(seconds=1)
        await asyncio.gather(charge_all(month), charge_all(month))

        assert stopped == {"succeeded": 7, "unknown": 3, "prepared": 110}
        assert await month.states() == {"succeeded": 117, "unknown": 3}
        assert len(set(month.gateway.charged)) == len(month.gateway.charged) == 120
        assert len(set(month.gateway.orders)) == 117

    async def test_what_waits_behind_a_stop_on_the_20th_is_carried_over_and_never_sent(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[SOFT] * 20)
        await opened(month, customers=40)
        await charge_all(month)

        await expire_payment_requests(month.services, now=clock.go_to("2026-11-21T00:00"))
        await resume_charging(month.services, by="hana", note="too late", now=clock.forward(seconds=1))
        await charge_all(month)

        assert await month.states() == {"declined": 20, "withdrawn": 20}
        assert await month.ledger.rows("SELECT DISTINCT state FROM bill") == [("carried_over",)]
        assert len(month.gateway.charged) == 20
        assert await month.batch() == "done"

    async def test_nothing_goes_while_the_month_is_being_opened(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services)
        await opened(month, customers=10)
        await month.ledger.change("UPDATE charge_batch SET state = 'opening'")
        async with transaction(services.engine) as connection:
            await opening.lock_opening(connection)
            sent = await charge_due(month.services, now=clock.now())
            changed = await watch_batches(month.services, now=clock.now())

        assert (sent, changed) == (0, 0)

    async def test_the_batch_of_a_killed_opening_is_let_go_by_a_worker(self, services: Services) -> None:
        month = month_with(services, canary_size=3)
        await opened(month, customers=10)
        await month.ledger.change("UPDATE charge_batch SET state = 'opening', canary_passed_at = NULL")

        await charge_all(month)

        assert await month.states() == {"succeeded": 10}
        assert await month.batch() == "done"

    async def test_an_opening_after_a_killed_one_fills_the_same_batch(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, canary_size=3)
        await opened(month, customers=10)
        await month.ledger.change("UPDATE charge_batch SET state = 'opening', canary_passed_at = NULL")
        await month.bills("2026-12", amount=9_000)

        await open_payment_requests(month.services, now=clock.forward(minutes=1))

        assert await month.ledger.rows("SELECT count(*) FROM charge_batch") == [(1,)]

    async def test_an_opening_without_automatic_charges_leaves_no_batch(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services)

        await open_payment_requests(month.services, now=clock.now() + timedelta(minutes=1))

        assert await month.ledger.rows("SELECT id FROM charge_batch") == []


class TestWithdraw:
    async def test_what_waits_in_a_stopped_batch_can_be_taken_back_and_asked_for_anew(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[SOFT] * 20)
        await opened(month, customers=40)
        await charge_all(month)

        taken_back = await withdraw_stopped(month.services, by="hana", note="wrong bills", now=clock.forward(minutes=5))
        states = await month.ledger.rows("SELECT state, count(*) FROM bill GROUP BY state ORDER BY state")
        await resume_charging(month.services, by="hana", note="corrected", now=clock.forward(minutes=5))
        await open_payment_requests(month.services, now=clock.forward(minutes=5))
        await charge_all(month)

        assert taken_back == 20
        assert states == [("finalized", 20), ("requested", 20)]
        assert await month.states() == {"declined": 20, "withdrawn": 20, "succeeded": 20}
        assert len(set(month.gateway.orders)) == 20

    async def test_a_batch_that_may_go_is_not_taken_back(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services)
        await opened(month, customers=10)

        assert await withdraw_stopped(month.services, by="hana", note="", now=clock.now()) == 0
        assert await month.states() == {"prepared": 10}
