"""The gateway took a payment twice under one attempt: what goes back of the second charge leaves the bill paid."""

import pytest

from backend.usecases.reconcile import reconcile
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.refunds import REFUND_NOTICES, TASKS, Paid, approved, given_back, ids, paid_bill, told, work
from tests.usecases.test_money_back_at_the_gateway import hear

BILL = "SELECT state FROM bill"
EXCEPTIONS = "SELECT kind, reference, resolved_by FROM reconciliation_exception"


@pytest.fixture
async def paid(ledger: Ledger, clock: FakeClock) -> Paid:
    return await paid_bill(ledger, clock)


@pytest.fixture
async def double(ledger: Ledger, clock: FakeClock, gateway_emulator: str, paid: Paid) -> str:
    """The second charge: sent again when the gateway had forgotten the key. Reconciliation has listed it."""
    [(request,)] = await ledger.rows("SELECT charge_request FROM payment_attempt")
    clock.forward(days=2)
    await ledger.services.gateway.charge(attempt_id=paid.attempt_id, charge_request=request)
    clock.forward(hours=2)
    await reconcile(ledger.services, now=clock.now())
    _, second = await ids(gateway_emulator, "charges")
    return second


async def read_the_books_later(ledger: Ledger, clock: FakeClock) -> None:
    await reconcile(ledger.services, now=clock.forward(hours=2))


async def test_a_second_charge_given_back_at_the_console_leaves_the_bill_paid_and_ends_the_exception(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, double: str
) -> None:
    await told(gateway_emulator, f"charges/{double}/refund", {})

    await read_the_books_later(ledger, clock)

    assert await ledger.rows(BILL) == [("paid",)]
    assert await ledger.rows(REFUND_NOTICES) == []
    assert await ledger.rows(EXCEPTIONS) == [("captured_twice", double, "reconcile")]
    assert ("refund_at_gateway",) in await ledger.rows(TASKS)


async def test_a_part_of_a_second_charge_given_back_keeps_the_exception(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, double: str
) -> None:
    await told(gateway_emulator, f"charges/{double}/refund", {"amount": 8431})

    await read_the_books_later(ledger, clock)

    assert await ledger.rows(EXCEPTIONS) == [("captured_twice", double, None)]


async def test_a_lost_dispute_about_a_second_charge_leaves_the_bill_paid_and_ends_the_exception(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, double: str
) -> None:
    dispute = await told(gateway_emulator, f"charges/{double}/dispute", {})
    await read_the_books_later(ledger, clock)
    while_open = await ledger.rows(BILL)
    await told(gateway_emulator, f"disputes/{dispute['id']}/close", {"status": "lost"})
    await hear(ledger, "dispute.lost", dispute["id"])

    await read_the_books_later(ledger, clock)

    assert while_open == [("paid",)]
    assert await ledger.rows(BILL) == [("paid",)]
    assert await ledger.rows(EXCEPTIONS) == [("captured_twice", double, "reconcile")]


async def test_the_first_charge_can_still_be_given_back_when_the_second_is_gone(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, paid: Paid, double: str
) -> None:
    await told(gateway_emulator, f"charges/{double}/refund", {})
    await read_the_books_later(ledger, clock)

    await approved(ledger, paid.transaction_id)
    await work(ledger)

    assert await given_back(gateway_emulator) == [8432, 8432]
    assert await ledger.rows(BILL) == [("refunded",)]
    assert await ledger.rows(REFUND_NOTICES) == [("8432",)]
