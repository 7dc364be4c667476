"""Opening around what cannot be asked for: sums the gateway refuses, months whose outcome is open (R06, R07, f39)."""

import pytest

from backend.domain.states import DeclineClass
from backend.ports import Challenged, Evidence, Succeeded, Unknown
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import close_settled_late, expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.resolve_unknown_payments import resolve_due
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.batch_rig import Month, month_with, no

REQUESTS = "SELECT amount, state FROM payment_request ORDER BY id"
BILLS = "SELECT billing_month, state FROM bill ORDER BY billing_month"
LOST = Unknown(reason="timeout")


async def unresolved_november(services: Services, clock: FakeClock, answer: Unknown | Challenged = LOST) -> Month:
    """One customer whose automatic charge of November has no outcome when the 21st begins."""
    month = month_with(services, answer)
    await month.people(1)
    await month.bills("2026-11")
    await open_payment_requests(month.services, now=clock.now())
    await charge_due(month.services, now=clock.now())
    return month


async def december(month: Month, clock: FakeClock) -> None:
    await month.bills("2026-12", amount=9_000)
    await open_payment_requests(month.services, now=clock.go_to("2026-12-10T10:00"))


class TestSumsOutOfBounds:
    async def test_who_cannot_be_asked_for_both_months_keeps_the_url_of_the_first(
        self, ledger: Ledger, clock: FakeClock
    ) -> None:
        account = await ledger.account()
        await ledger.bill(account, "2026-10", 9_000_000, confirmed="2026-11-08")
        await ledger.bill(account, "2026-11", 1_500_000, confirmed="2026-11-12")
        await open_payment_requests(ledger.services, now=clock.now())

        await open_payment_requests(ledger.services, now=clock.go_to("2026-11-12T10:00"))

        assert await ledger.rows(REQUESTS) == [(9_000_000, "open")]
        assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
        assert await ledger.rows(BILLS) == [("2026-10", "requested"), ("2026-11", "finalized")]
        assert await ledger.rows("SELECT kind, detail FROM staff_task") == [
            ("amount_out_of_bounds", {"amount": 10_500_000})
        ]

    async def test_others_in_the_same_chunk_are_combined(self, ledger: Ledger, clock: FakeClock) -> None:
        stuck, free = await ledger.account(1), await ledger.account(2)
        for account, first in ((stuck, 9_000_000), (free, 7_000)):
            await ledger.bill(account, "2026-10", first, confirmed="2026-11-08")
            await ledger.bill(account, "2026-11", 1_500_000, confirmed="2026-11-12")
        await open_payment_requests(ledger.services, now=clock.now())

        await open_payment_requests(ledger.services, now=clock.go_to("2026-11-12T10:00"))

        assert await ledger.rows(REQUESTS) == [(9_000_000, "open"), (7_000, "void"), (1_507_000, "open")]


class TestUnresolvedMonth:
    async def test_r06_it_stays_out_of_the_combined_request_and_the_new_month_goes_alone(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = await unresolved_november(services, clock)

        await expire_payment_requests(month.services, now=clock.go_to("2026-11-21T00:00"))
        await december(month, clock)

        assert await month.ledger.rows(REQUESTS) == [(8_001, "closing"), (9_001, "open")]
        assert await month.ledger.rows(BILLS) == [("2026-11", "held"), ("2026-12", "requested")]

    async def test_r06_it_follows_when_it_is_resolved_as_unpaid(self, services: Services, clock: FakeClock) -> None:
        month = await unresolved_november(services, clock)
        await expire_payment_requests(month.services, now=clock.go_to("2026-11-21T00:00"))
        await december(month, clock)
        await charge_due(month.services, now=clock.now())

        month.gateway.said_later = no(DeclineClass.SOFT)
        await resolve_due(month.services, now=clock.forward(days=1))
        await close_settled_late(month.services, now=clock.now())
        await open_payment_requests(month.services, now=clock.go_to("2026-12-17T10:00"))
        await charge_due(month.services, now=clock.now())

        assert await month.ledger.rows(REQUESTS) == [(8_001, "expired"), (9_001, "settled"), (8_001, "settled")]
        assert await month.ledger.rows(BILLS) == [("2026-11", "paid"), ("2026-12", "paid")]

    async def test_r07_it_joins_the_new_month_if_that_is_unpaid_on_the_last_fair_day(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = await unresolved_november(services, clock)
        await expire_payment_requests(month.services, now=clock.go_to("2026-11-21T00:00"))
        await month.ledger.change("UPDATE card_on_file SET state = 'unusable'")
        await december(month, clock)

        month.gateway.said_later = no(DeclineClass.SOFT)
        await resolve_due(month.services, now=clock.forward(days=1))
        await close_settled_late(month.services, now=clock.now())
        await open_payment_requests(month.services, now=clock.go_to("2026-12-17T10:00"))

        assert await month.ledger.rows(REQUESTS) == [(8_001, "expired"), (9_001, "void"), (17_002, "open")]

    async def test_money_that_is_found_late_is_booked_to_its_own_month(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = await unresolved_november(services, clock)
        await expire_payment_requests(month.services, now=clock.go_to("2026-11-21T00:00"))
        await december(month, clock)

        month.gateway.said_later = paid(8_001)
        await resolve_due(month.services, now=clock.forward(minutes=30))

        assert await month.ledger.rows(REQUESTS) == [(8_001, "settled"), (9_001, "open")]
        assert await month.ledger.rows(BILLS) == [("2026-11", "paid"), ("2026-12", "requested")]

    @pytest.mark.parametrize("day", ["2026-11-21T00:00", "2026-12-10T09:00"])
    async def test_r05_a_3d_secure_that_succeeds_after_the_20th_pays_its_own_month(
        self, services: Services, clock: FakeClock, day: str
    ) -> None:
        challenged = Challenged(gateway_reference="ch_1", action_url="http://127.0.0.1:9", evidence=SAID)
        month = await unresolved_november(services, clock, challenged)

        month.gateway.said_later = paid(8_001)
        await expire_payment_requests(month.services, now=clock.go_to(day))
        await december(month, clock)

        assert await month.ledger.rows(REQUESTS) == [(8_001, "settled"), (9_001, "open")]
        assert await month.ledger.rows(BILLS) == [("2026-11", "paid"), ("2026-12", "requested")]


SAID = Evidence(source="look_up", body={})


def paid(amount: int) -> Succeeded:
    return Succeeded(gateway_reference="ch_1", amount=amount, evidence=SAID)
