"""A payer who was told to wait for a message gets one when the charge turns out declined; who looks at it does not."""

import pytest

from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.review.test_review_declined_too_late import SOFT
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import control

TOLD = "SELECT facts->>'decline_class', facts->>'amount', state FROM notice WHERE kind = 'charge_declined' ORDER BY id"


@pytest.fixture
async def asked(ledger: Ledger, clock: FakeClock) -> None:
    """Somebody has a URL."""
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())


async def lose_the_next_call(emulator: str) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_before", "times": 1}
    await control(emulator, "faults", {"rules": [rule]})


@pytest.mark.usefixtures("asked")
async def test_f23_who_was_told_to_wait_is_told_of_each_decline(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    for _ in range(2):
        await lose_the_next_call(gateway_emulator)
        await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
        [(attempt_id,)] = await ledger.rows("SELECT id FROM payment_attempt WHERE state = 'unknown'")
        for _ in range(2):
            await record_outcome(ledger.services, attempt_id=attempt_id, outcome=SOFT, now=clock.forward(minutes=10))

    assert await ledger.rows(TOLD) == [("soft", "8432", "queued")] * 2


@pytest.mark.usefixtures("asked")
async def test_who_sees_the_decline_on_the_page_gets_no_message(ledger: Ledger, gateway_emulator: str) -> None:
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})

    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))

    assert await ledger.rows("SELECT state FROM payment_attempt") == [("declined",)]
    assert await ledger.rows(TOLD) == []
