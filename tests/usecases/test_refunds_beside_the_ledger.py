"""Money that the gateway took for an attempt which had been given up goes back, and is settled honestly."""

import pytest

from backend.domain.states import AttemptOrigin
from backend.ports import Succeeded
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.receive_gateway_event import receive_gateway_event
from backend.usecases.record_outcome import record_outcome
from backend.usecases.refund_payment import RefundObstacle, request_refund
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import charge_event
from tests.usecases.refunds import ASKER, REFUND_NOTICES, approved, given_back, told, work

ATTEMPTS = "SELECT state, decline_code FROM payment_attempt ORDER BY ordinal"
OPEN_TASKS = "SELECT kind FROM staff_task WHERE done_at IS NULL ORDER BY id"


@pytest.fixture
async def declined(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> str:
    """The transaction ID of an automatic charge that was declined; a URL was sent instead."""
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    await told(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})
    await charge_due(ledger.services, now=clock.now())
    [(transaction_id,)] = await ledger.rows("SELECT transaction_id FROM payment_attempt")
    return str(transaction_id)


async def pay_by_the_url(ledger: Ledger, clock: FakeClock) -> None:
    async with transaction(ledger.services.engine) as connection:
        await attempts.prepare_attempts(
            connection,
            request_ids=[1],
            origin=AttemptOrigin.LINK,
            card_id=1,
            now=clock.now(),
            not_before=clock.now(),
            lease_seconds=0,
            base_url="http://127.0.0.1:8080",
        )
    await charge_due(ledger.services, now=clock.now())


async def succeed_late(ledger: Ledger, clock: FakeClock, emulator: str) -> None:
    """The gateway charges the declined attempt after all, and says so."""
    [(attempt_id, charge)] = await ledger.rows("SELECT id, gateway_reference FROM payment_attempt WHERE ordinal = 1")
    await told(emulator, f"charges/{charge}/late_success", {})
    event = charge_event(str(attempt_id), now=clock.now())
    await receive_gateway_event(ledger.services, event, now=clock.now())


async def test_money_taken_twice_goes_back_and_the_payment_stays(
    ledger: Ledger, clock: FakeClock, declined: str, gateway_emulator: str
) -> None:
    await pay_by_the_url(ledger, clock)
    await succeed_late(ledger, clock, gateway_emulator)
    before = await ledger.rows(OPEN_TASKS)

    await approved(ledger, declined)
    await work(ledger)

    assert ("captured_twice",) in before
    assert ("captured_twice",) not in await ledger.rows(OPEN_TASKS)
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows(ATTEMPTS) == [("declined", "insufficient_funds"), ("succeeded", None)]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert await ledger.rows(REFUND_NOTICES) == [("8432",)]


async def test_what_went_back_is_not_booked_by_the_same_news_again(
    ledger: Ledger, clock: FakeClock, declined: str, gateway_emulator: str
) -> None:
    await pay_by_the_url(ledger, clock)
    await succeed_late(ledger, clock, gateway_emulator)
    await approved(ledger, declined)
    await work(ledger)
    [(attempt_id,)] = await ledger.rows("SELECT id FROM payment_attempt WHERE ordinal = 1")

    await receive_gateway_event(ledger.services, charge_event(str(attempt_id), now=clock.now()), now=clock.now())

    assert await ledger.rows(ATTEMPTS) == [("declined", "insufficient_funds"), ("succeeded", None)]
    assert ("captured_twice",) not in await ledger.rows(OPEN_TASKS)


async def test_an_attempt_that_took_no_money_has_nothing_to_give_back(
    ledger: Ledger, clock: FakeClock, declined: str
) -> None:
    answer = await request_refund(
        ledger.services, transaction_id=declined, amount=None, reason="x", by=ASKER, now=clock.now()
    )

    assert answer is RefundObstacle.NO_MONEY


async def test_a_charge_of_another_amount_that_went_back_leaves_the_bill_to_be_paid_by_a_url(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=0
        )
    outcome = await ledger.services.gateway.charge(
        attempt_id=sent.id, charge_request={**sent.charge_request, "amount": 9000}
    )
    assert isinstance(outcome, Succeeded)
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=outcome, now=clock.now())
    [(transaction_id,)] = await ledger.rows("SELECT transaction_id FROM payment_attempt")

    await approved(ledger, transaction_id)
    await work(ledger)
    await resolve_due(ledger.services, now=clock.forward(minutes=5))

    assert await given_back(gateway_emulator) == [9000]
    assert await ledger.rows(ATTEMPTS) == [("declined", "refunded")]
    assert await ledger.rows(OPEN_TASKS) == []
    assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
    assert await ledger.rows("SELECT state FROM bill") == [("requested",)]
