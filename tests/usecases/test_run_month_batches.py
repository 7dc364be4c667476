"""The month's automatic charges: a canary first, a stop by itself, a resume; nothing lost, nothing charged twice."""

from backend.domain.states import DeclineClass
from backend.ports import Busy, Unknown
from backend.store import batches, canaries
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.request_card_change import request_card_change
from backend.usecases.run_month_batches import resume_charging, watch_batches
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.usecases.batch_rig import charge_all, month_with, no, opened

SOFT, OURS, AUTHENTICATE = (
    no(DeclineClass.SOFT),
    no(DeclineClass.OURS),
    no(DeclineClass.AUTHENTICATE),
)
LOST = Unknown(reason="timeout")
CANARY_ACCOUNTS = """
SELECT r.account_id FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id WHERE is_canary
"""
CANARIES = """
SELECT customer_number FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id
JOIN account a ON a.id = r.account_id WHERE is_canary ORDER BY 1
"""
OPEN_STOPS = "SELECT reason, scope FROM charging_stop WHERE lifted_at IS NULL ORDER BY reason"
BATCH_TASKS = "SELECT detail ->> 'reason' FROM staff_task WHERE kind = 'charging_stopped' ORDER BY id"


class TestCanary:
    async def test_only_the_canary_goes_until_all_of_it_is_answered(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=60)

        sent = [await charge_due(month.services, now=clock.now(), size=4) for _ in range(3)]

        assert sent == [4, 4, 2]
        assert await month.ledger.rows("SELECT DISTINCT is_canary FROM payment_attempt WHERE state = 'succeeded'") == [
            (True,)
        ]
        assert await month.batch() == "running"

    async def test_the_rest_follows_a_canary_that_went_well(self, services: Services) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=60)

        await charge_all(month)

        assert await month.states() == {"succeeded": 60}
        assert await month.batch() == "done"
        assert len(set(month.gateway.charged)) == len(month.gateway.charged) == 60

    async def test_a_batch_that_is_no_larger_than_the_canary_just_runs(self, services: Services) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=10)

        assert await month.batch() == "running"
        assert await month.ledger.rows(CANARIES) == []

    async def test_canaries_are_spread_and_the_same_for_the_same_day(self, services: Services) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=60)
        chosen = [number for (number,) in await month.ledger.rows(CANARIES)]
        async with transaction(services.engine) as connection:
            [batch] = await batches.lock_live(connection)
            await canaries.choose_canaries(connection, batch=batch)

        assert [number for (number,) in await month.ledger.rows(CANARIES)] == chosen
        assert int(chosen[0]) <= 20
        assert int(chosen[-1]) > 40

    async def test_a_canary_without_an_answer_counts_as_a_fault_and_stops_the_rest(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, *[LOST] * 3, canary_size=10)
        await opened(month, customers=60)

        await charge_all(month)

        assert await month.states() == {"succeeded": 7, "unknown": 3, "prepared": 50}
        assert await month.batch() == "stopped"
        assert await month.ledger.rows(OPEN_STOPS) == [("provider_errors", "automatic")]
        assert await charge_due(month.services, now=clock.forward(hours=1)) == 0

    async def test_a_canary_of_declines_stops_the_rest(self, services: Services) -> None:
        month = month_with(services, *[SOFT] * 3, canary_size=10)
        await opened(month, customers=60)

        await charge_all(month)

        assert await month.states() == {"succeeded": 7, "declined": 3, "prepared": 50}
        assert await month.ledger.rows(OPEN_STOPS) == [("decline_ratio", "automatic")]
        assert await month.ledger.rows(BATCH_TASKS) == [("decline_ratio",)]

    async def test_a_canary_taken_back_is_not_waited_for(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=60)
        for (account,) in await month.ledger.rows(CANARY_ACCOUNTS):
            await request_card_change(month.services, account_id=account, now=clock.now())

        await charge_all(month)

        assert await month.states() == {"succeeded": 50, "withdrawn": 10}


class TestStop:
    async def test_declines_above_the_ratio_stop_what_is_left(self, services: Services) -> None:
        month = month_with(services, *[SOFT, None, None, None] * 20)
        await opened(month, customers=100)

        await charge_all(month)

        assert await month.states() == {"succeeded": 15, "declined": 5, "prepared": 80}
        assert await month.ledger.rows(OPEN_STOPS) == [("decline_ratio", "automatic")]
        assert await month.batch() == "stopped"

    async def test_declines_at_the_ratio_stop_nothing(self, services: Services) -> None:
        month = month_with(services, *[SOFT, None, None, None, None] * 20)
        await opened(month, customers=100)

        await charge_all(month)

        assert await month.states() == {"succeeded": 80, "declined": 20}
        assert await month.ledger.rows(OPEN_STOPS) == []

    async def test_a_demand_to_authenticate_is_no_decline(self, services: Services) -> None:
        month = month_with(services, *[AUTHENTICATE] * 60)
        await opened(month, customers=60)

        await charge_all(month)

        assert await month.states() == {"declined": 60}
        assert await month.ledger.rows(OPEN_STOPS) == []

    async def test_lost_answers_stop_what_is_left(self, services: Services) -> None:
        month = month_with(services, *[LOST] * 3)
        await opened(month, customers=100)

        await charge_all(month)

        assert await month.states() == {"succeeded": 57, "unknown": 3, "prepared": 40}
        assert await month.ledger.rows(OPEN_STOPS) == [("provider_errors", "automatic")]

    async def test_refusals_that_are_ours_stop_what_is_left(self, services: Services) -> None:
        month = month_with(services, *[OURS] * 3)
        await opened(month, customers=100)

        await charge_all(month)

        assert await month.states() == {"succeeded": 57, "declined": 3, "prepared": 40}
        assert await month.ledger.rows(OPEN_STOPS) == [("provider_errors", "automatic")]

    async def test_a_busy_gateway_stops_what_is_left(self, services: Services) -> None:
        month = month_with(services, *[Busy(retry_after=3600)] * 60)
        await opened(month, customers=100)

        await charge_all(month)

        assert await month.states() == {"prepared": 100}
        assert len(month.gateway.charged) == 60
        assert await month.ledger.rows(OPEN_STOPS) == [("provider_errors", "automatic")]

    async def test_two_faults_of_many_are_chance(self, services: Services) -> None:
        month = month_with(services, *[OURS] * 2)
        await opened(month, customers=60)

        await charge_all(month)

        assert await month.states() == {"succeeded": 58, "declined": 2}
        assert await month.ledger.rows(OPEN_STOPS) == []

    async def test_a_stop_keeps_automatic_charges_only(self, services: Services) -> None:
        month = month_with(services, *[SOFT] * 20)
        await opened(month, customers=40)

        await charge_all(month)

        assert await month.ledger.rows("SELECT count(*) FROM payment_link WHERE state = 'active'") == [(20,)]
        assert await month.ledger.rows("SELECT DISTINCT scope FROM charging_stop") == [("automatic",)]

    async def test_a_stop_that_lasts_is_listed_anew_each_day(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services, *[SOFT] * 20)
        await opened(month, customers=40)
        await charge_all(month)

        for hours in (1, 24, 1, 24):
            await watch_batches(month.services, now=clock.forward(hours=hours))

        assert await month.ledger.rows(
            "SELECT detail ->> 'days' FROM staff_task WHERE kind = 'charging_stopped' ORDER BY id"
        ) == [(None,), ("1",), ("2",)]


class TestAmounts:
    async def test_amounts_unlike_last_months_stop_the_batch_before_its_canary(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=30)
        await charge_all(month)
        await month.bills("2026-12", amount=80_000)
        await open_payment_requests(month.services, now=clock.go_to("2026-12-10T10:00"))

        await charge_all(month)

        assert await month.states() == {"succeeded": 30, "prepared": 30}
        assert await month.ledger.rows(OPEN_STOPS) == [("amount_anomaly", "automatic")]
        assert await month.ledger.rows(BATCH_TASKS) == [("amount_anomaly",)]

    async def test_amounts_that_people_find_right_go_behind_their_canary(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, canary_size=10)
        await opened(month, customers=30)
        await charge_all(month)
        await month.bills("2026-12", amount=80_000)
        await open_payment_requests(month.services, now=clock.go_to("2026-12-10T10:00"))

        await resume_charging(month.services, by="hana", note="a price rise", now=clock.forward(minutes=5))
        first = await charge_due(month.services, now=clock.now())
        await charge_all(month)

        assert first == 10
        assert await month.states() == {"succeeded": 60}

    async def test_the_usual_amounts_of_another_month_stop_nothing(self, services: Services, clock: FakeClock) -> None:
        month = month_with(services)
        await opened(month, customers=30)
        await charge_all(month)
        await month.bills("2026-12", amount=16_000)
        await open_payment_requests(month.services, now=clock.go_to("2026-12-10T10:00"))

        await charge_all(month)

        assert await month.states() == {"succeeded": 60}
