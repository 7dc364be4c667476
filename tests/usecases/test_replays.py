"""A charge that the gateway has never seen is sent again only where it might be sent for the first time."""

from collections.abc import Awaitable, Callable

import pytest

from backend.domain.states import StopScope
from backend.usecases.charge_prepared import charge_due
from backend.usecases.request_card_change import request_card_change
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.test_brake import lift, stop
from tests.usecases.test_charging import ATTEMPTS, control, truth
from tests.usecases.test_money_safety import opened_charge

DISPUTE = """
INSERT INTO dispute (gateway, gateway_reference, charge_reference, account_id, amount, reason, state, opened_at,
  recorded_at)
SELECT 'sandbox', 'dp_1', 'ch_old', id, 100, 'fraud', 'open', :now, :now FROM account
"""
CLAIM_NOBODY = """
INSERT INTO reconciliation_exception (kind, reference, account_id, detail, is_blocking, found_at)
SELECT 'missing_locally', 'ch_foreign', id, '{}', true, :now FROM account
"""


async def stop_automatic_charges(ledger: Ledger) -> None:
    await stop(ledger, StopScope.AUTOMATIC)


async def apply_for_another_card(ledger: Ledger) -> None:
    await request_card_change(ledger.services, account_id=1, now=ledger.services.clock.now())


async def dispute_another_charge(ledger: Ledger) -> None:
    await ledger.change(DISPUTE, now=ledger.services.clock.now())


async def find_foreign_money(ledger: Ledger) -> None:
    await ledger.change(CLAIM_NOBODY, now=ledger.services.clock.now())


@pytest.mark.parametrize(
    "happens", [stop_automatic_charges, apply_for_another_card, dispute_another_charge, find_foreign_money]
)
async def test_what_would_keep_a_first_charge_keeps_a_replay(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, happens: Callable[[Ledger], Awaitable[None]]
) -> None:
    await opened_charge(ledger, clock)
    await control(gateway_emulator, "faults", {"rules": [{"path": "/v1/charges", "kind": "500_before", "times": 1}]})
    await charge_due(ledger.services, now=clock.now())
    await happens(ledger)

    await resolve_due(ledger.services, now=clock.forward(minutes=2))

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(ATTEMPTS) == [("unknown", None)]


async def test_after_the_stop_the_replay_is_made(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    await opened_charge(ledger, clock)
    await control(gateway_emulator, "faults", {"rules": [{"path": "/v1/charges", "kind": "500_before", "times": 1}]})
    await charge_due(ledger.services, now=clock.now())
    await stop(ledger, StopScope.AUTOMATIC)
    await resolve_due(ledger.services, now=clock.forward(minutes=2))
    await lift(ledger)

    await resolve_due(ledger.services, now=clock.forward(minutes=30))

    assert await truth(gateway_emulator) == [8432]
