"""What was promised and does not fit any more beside a lost dispute is not sent (invariant 17, f32)."""

import pytest

from backend.usecases.refund_payment import RefundObstacle, approve_refund
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.refunds import APPROVER, approved, asked, given_back, paid_bill, told, work
from tests.usecases.test_money_back_at_the_gateway import REFUNDS, hear

LOST_UNHEARD = """
INSERT INTO dispute (gateway, gateway_reference, charge_reference, attempt_id, amount, reason, state, opened_at,
  closed_at, recorded_at)
SELECT gateway, 'dp_1', gateway_reference, id, amount, 'fraud', 'lost', created_at, created_at, created_at
FROM payment_attempt
"""


async def dispute_ends(ledger: Ledger, emulator: str, charge: str, *, status: str) -> None:
    """The card company takes the money back, and the dispute ends; both are heard of."""
    made = await told(emulator, f"charges/{charge}/dispute", {})
    await hear(ledger, "dispute.opened", made["id"])
    await told(emulator, f"disputes/{made['id']}/close", {"status": status})
    await hear(ledger, f"dispute.{status}", made["id"])


async def test_a_lost_dispute_withdraws_what_was_promised_of_the_same_money_and_says_so(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    refund = await asked(ledger, paid.transaction_id)
    await dispute_ends(ledger, gateway_emulator, paid.charge, status="lost")

    answer = await approve_refund(ledger.services, refund_id=refund, by=APPROVER, now=clock.now())
    await work(ledger)

    withdrawn = "SELECT detail->'withdrawn_refunds' FROM staff_task WHERE kind = 'dispute_closed'"
    steps = "SELECT cause, state_before, state_after FROM refund_step ORDER BY id DESC LIMIT 1"
    assert answer is RefundObstacle.TOO_LATE
    assert await given_back(gateway_emulator) == []
    assert await ledger.rows(REFUNDS) == [("staff", "withdrawn", 8432)]
    assert await ledger.rows(withdrawn) == [({str(refund): 8432},)]
    assert await ledger.rows(steps) == [("overtaken", "requested", "withdrawn")]


async def test_a_dispute_that_is_won_leaves_what_was_promised(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    await dispute_ends(ledger, gateway_emulator, paid.charge, status="won")

    await work(ledger)

    assert await given_back(gateway_emulator) == [8432]


@pytest.mark.leaves_violations("the dispute is planted, so nobody has marked the bill")
async def test_what_does_not_fit_any_more_is_not_approved(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    refund = await asked(ledger, paid.transaction_id, amount=1)
    await ledger.change(LOST_UNHEARD)

    answer = await approve_refund(ledger.services, refund_id=refund, by=APPROVER, now=clock.now())

    assert answer is RefundObstacle.TOO_MUCH


@pytest.mark.leaves_violations("the dispute is planted, so nobody has marked the bill")
async def test_what_does_not_fit_any_more_is_not_sent(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=1)
    await ledger.change(LOST_UNHEARD)

    await work(ledger)

    assert await given_back(gateway_emulator) == []
    assert await ledger.rows(REFUNDS) == [("staff", "prepared", 1)]
