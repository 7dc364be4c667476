"""Automatic charges that nobody may send unasked any more, whenever that became true: the customer gets a URL."""

from datetime import datetime

from backend.domain.states import DeclineClass
from backend.ports import Busy
from backend.usecases.charge_prepared import charge_due
from backend.usecases.request_card_change import request_card_change
from backend.usecases.services import Services
from backend.usecases.verify_ledger import verify_ledger
from tests.kit.clock import FakeClock
from tests.usecases.batch_rig import Month, charge_all, month_with, no, opened

DISPUTE = """
INSERT INTO dispute (gateway, gateway_reference, charge_reference, account_id, amount, reason, state, opened_at,
  recorded_at)
VALUES ('scripted', 'dp_1', 'ch_old', :account, 100, 'fraud', 'open', :now, :now)
"""
CHANGE = "INSERT INTO card_change_request (account_id, state, received_at) VALUES (1, 'received', :now)"
WAYS = "SELECT state, way FROM payment_request ORDER BY id"
NOTICES = "SELECT account_id, kind FROM notice WHERE kind = 'payment_link' ORDER BY account_id"
KINDS = "SELECT kind FROM notice ORDER BY kind"
LINKS = "SELECT request_id FROM payment_link WHERE state = 'active' ORDER BY request_id"


async def dispute(month: Month, *, account: int, now: datetime) -> None:
    await month.ledger.change(DISPUTE, account=account, now=now)


async def broken(month: Month, *, now: datetime) -> list[str]:
    return [found.invariant.name for found in await verify_ledger(month.services.engine, now=now)]


class TestPutBackByABusyGateway:
    async def test_a_charge_is_not_repeated_on_the_card_that_its_owner_wants_replaced(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, Busy(retry_after=30))
        month.gateway.meanwhile = lambda: request_card_change(
            month.services, account_id=1, now=clock.forward(seconds=1)
        )
        await opened(month, customers=1)

        await charge_due(month.services, now=clock.now())
        clock.forward(minutes=1)
        await charge_all(month)

        assert len(month.gateway.charged) == 1
        assert await month.states() == {"withdrawn": 1}
        assert await month.ledger.rows(NOTICES) == [(1, "payment_link")]
        assert await month.ledger.rows("SELECT state FROM card_change_request") == [("link_sent",)]
        assert await month.ledger.rows("SELECT card_change_id IS NOT NULL FROM payment_request") == [(True,)]
        assert await broken(month, now=clock.now()) == []

    async def test_a_charge_is_not_repeated_for_who_disputes_another_one(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, Busy(retry_after=30))
        month.gateway.meanwhile = lambda: dispute(month, account=1, now=clock.now())
        await opened(month, customers=1)

        await charge_all(month)

        assert await month.states() == {"withdrawn": 1}
        assert await month.ledger.rows(WAYS) == [("open", "link")]
        assert await month.ledger.rows(NOTICES) == [(1, "payment_link")]

    async def test_a_charge_that_everybody_still_wants_is_sent_again(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services, Busy(retry_after=30))
        await opened(month, customers=1)

        await charge_due(month.services, now=clock.now())
        await charge_due(month.services, now=clock.forward(seconds=31))

        assert await month.states() == {"succeeded": 1}
        assert len(set(month.gateway.charged)) == 1


class TestAtItsTurn:
    async def test_a_charge_that_a_card_change_overtook_unseen_becomes_a_url(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services)
        await opened(month, customers=2)
        await month.ledger.change(CHANGE, now=clock.now())

        await charge_all(month)

        assert await month.states() == {"withdrawn": 1, "succeeded": 1}
        assert await month.ledger.rows(NOTICES) == [(1, "payment_link")]
        assert await month.batch() == "done"

    async def test_a_charge_that_a_dispute_overtook_unseen_becomes_a_url(
        self, services: Services, clock: FakeClock
    ) -> None:
        month = month_with(services)
        await opened(month, customers=2)
        await dispute(month, account=2, now=clock.now())

        await charge_all(month)

        assert await month.states() == {"withdrawn": 1, "succeeded": 1}
        assert await month.ledger.rows(WAYS) == [("settled", "automatic"), ("open", "link")]

    async def test_a_charge_whose_card_died_unseen_becomes_a_url(self, services: Services) -> None:
        month = month_with(services)
        await opened(month, customers=1)
        await month.ledger.change("UPDATE card_on_file SET state = 'unusable'")

        await charge_all(month)

        assert month.gateway.charged == []
        assert await month.ledger.rows(LINKS) == [(1,)]


class TestOneCardForTwoPlaces:
    async def test_a_card_that_is_dead_for_one_place_is_not_charged_for_the_other(self, services: Services) -> None:
        month = month_with(services, no(DeclineClass.NEVER))
        await opened(month, customers=2)
        await month.ledger.change("UPDATE card_on_file SET fingerprint = 'same'")

        await charge_due(month.services, now=services.clock.now(), size=1)

        assert await month.states() == {"declined": 1, "withdrawn": 1}
        assert await month.ledger.rows(LINKS) == [(1,), (2,)]
        assert await month.ledger.rows(KINDS) == [("charge_declined",), ("payment_link",)]

    async def test_a_card_that_lacks_money_for_one_place_is_asked_for_the_other(self, services: Services) -> None:
        month = month_with(services, no(DeclineClass.SOFT))
        await opened(month, customers=2)
        await month.ledger.change("UPDATE card_on_file SET fingerprint = 'same'")

        await charge_due(month.services, now=services.clock.now(), size=1)
        await charge_due(month.services, now=services.clock.now(), size=1)

        assert await month.states() == {"declined": 1, "succeeded": 1}
