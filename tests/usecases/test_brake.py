"""Under a stop nothing is charged: no press, no worker, no replay; and nothing happens behind a payer's back later."""

import pytest

from backend.domain.payment_page import PageState
from backend.domain.states import AttemptOrigin, StopReason, StopScope
from backend.store import attempts, charging_stops
from backend.store.engine import transaction
from backend.store.invariants import find_violations
from backend.usecases.brake import LiftAnswer, lift_brake, pull_brake, show_brake
from backend.usecases.charge_prepared import charge_due, charge_one
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import ATTEMPTS, control, truth
from tests.usecases.test_money_safety import opened_charge, opened_link

CLAIMS = "SELECT bill_id FROM bill_claim"


async def stop(ledger: Ledger, scope: StopScope = StopScope.ALL) -> bool:
    services = ledger.services
    return await pull_brake(services.engine, scope=scope, by="Sato", note="a look", now=services.clock.now())


async def lift(ledger: Ledger, reason: StopReason = StopReason.STAFF) -> LiftAnswer:
    services = ledger.services
    return await lift_brake(services.engine, reason=reason, by="Sato", note="fine", now=services.clock.now())


async def prepare_press(ledger: Ledger, clock: FakeClock, *, lease_seconds: int, at: str = "2026-11-10T10:00") -> None:
    """A payer's second press is written down (T1) and not yet sent."""
    await opened_link(ledger, clock)
    clock.go_to(at)
    cookie = await payer_with_card(ledger)
    await press(ledger, await session_of(ledger, cookie))  # keeps the card; the charge is declined
    [(request_id, card_id)] = await ledger.rows("SELECT request_id, card_id FROM payment_attempt")
    async with transaction(ledger.services.engine) as connection:
        await attempts.prepare_attempts(
            connection,
            request_ids=[request_id],
            origin=AttemptOrigin.LINK,
            card_id=card_id,
            now=clock.now(),
            not_before=clock.now(),
            lease_seconds=lease_seconds,
            base_url="http://127.0.0.1:8080",
        )


@pytest.fixture
async def declines_once(gateway_emulator: str) -> None:
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})


async def test_a_press_under_a_full_stop_claims_and_charges_nothing_and_says_so(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_link(ledger, clock)
    before = await session_of(ledger, await payer_with_card(ledger))
    await stop(ledger)

    page = await press(ledger, before)

    assert page.state(now=clock.now()) is PageState.PAUSED
    assert await ledger.rows(ATTEMPTS) == []
    assert await ledger.rows(CLAIMS) == []
    assert await truth(gateway_emulator) == []


async def test_after_the_stop_the_same_page_can_be_paid(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_link(ledger, clock)
    cookie = await payer_with_card(ledger)
    await stop(ledger)
    await press(ledger, await session_of(ledger, cookie))

    answer = await lift(ledger)
    page = await press(ledger, await session_of(ledger, cookie))

    assert answer is LiftAnswer.LIFTED
    assert page.state(now=clock.now()) is PageState.PAID
    assert await truth(gateway_emulator) == [8432]


@pytest.mark.usefixtures("declines_once")
async def test_a_press_that_a_stop_overtook_is_taken_back_and_not_charged_later(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await prepare_press(ledger, clock, lease_seconds=0)
    await stop(ledger)

    await charge_due(ledger.services, now=clock.forward(hours=2))
    await lift(ledger)
    await charge_due(ledger.services, now=clock.forward(minutes=1))

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(CLAIMS) == []


@pytest.mark.usefixtures("declines_once")
async def test_a_press_is_taken_back_although_no_worker_lived_while_charging_was_stopped(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await prepare_press(ledger, clock, lease_seconds=0)
    await stop(ledger)
    clock.forward(hours=2)
    await lift(ledger)

    await charge_due(ledger.services, now=clock.forward(minutes=1))

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(ATTEMPTS) == [("declined", "soft"), ("withdrawn", None)]


@pytest.mark.usefixtures("declines_once")
async def test_the_payers_own_process_takes_back_what_the_stop_did_not_let_it_send(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await prepare_press(ledger, clock, lease_seconds=60)
    [(attempt_id,)] = await ledger.rows("SELECT id FROM payment_attempt WHERE state = 'prepared'")
    await stop(ledger)

    sent = await charge_one(ledger.services, attempt_id=attempt_id, now=clock.now())

    assert sent is None
    assert await ledger.rows(ATTEMPTS) == [("declined", "soft"), ("withdrawn", None)]
    assert await ledger.rows(CLAIMS) == []
    assert await truth(gateway_emulator) == []


@pytest.mark.usefixtures("declines_once")
async def test_behind_the_restore_gate_a_press_is_left_as_it_is(ledger: Ledger, clock: FakeClock) -> None:
    await prepare_press(ledger, clock, lease_seconds=0)
    async with transaction(ledger.services.engine) as connection:
        await charging_stops.stop_charging(
            connection, reason=StopReason.RESTORE_GATE, scope=StopScope.ALL, detail={}, now=clock.now()
        )

    await charge_due(ledger.services, now=clock.forward(minutes=5))

    assert await ledger.rows(ATTEMPTS) == [("declined", "soft"), ("prepared", None)]


async def test_a_stop_of_automatic_charges_lets_payers_pay_and_the_month_wait(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)
    await stop(ledger, StopScope.AUTOMATIC)

    await charge_due(ledger.services, now=clock.forward(minutes=5))
    waiting = await truth(gateway_emulator)
    await lift(ledger)
    await charge_due(ledger.services, now=clock.forward(minutes=5))

    assert waiting == []
    assert await truth(gateway_emulator) == [8432]


async def test_under_a_full_stop_an_unknown_outcome_is_looked_up_and_not_replayed(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)
    await control(gateway_emulator, "faults", {"rules": [{"path": "/v1/charges", "kind": "500_before", "times": 1}]})
    await charge_due(ledger.services, now=clock.now())
    await stop(ledger)

    asked = await resolve_due(ledger.services, now=clock.forward(minutes=2))
    under_the_stop = await truth(gateway_emulator), await ledger.rows(ATTEMPTS)
    await lift(ledger)
    await resolve_due(ledger.services, now=clock.forward(minutes=30))

    assert asked == 1
    assert under_the_stop == ([], [("unknown", None)])
    assert await truth(gateway_emulator) == [8432]


async def test_every_stop_is_told_to_people_and_the_wider_one_wins(ledger: Ledger) -> None:
    news = [await stop(ledger, scope) for scope in (StopScope.AUTOMATIC, StopScope.AUTOMATIC, StopScope.ALL)]

    [open_stop] = await show_brake(ledger.services.engine)
    assert news == [True, False, True]
    assert (open_stop.reason, open_stop.scope, open_stop.detail["by"]) == (StopReason.STAFF, StopScope.ALL, "Sato")
    assert await ledger.rows("SELECT kind, detail ->> 'scope' FROM staff_task ORDER BY id") == [
        ("charging_stopped", "automatic"),
        ("charging_stopped", "all"),
    ]


async def test_what_was_paid_under_a_narrow_stop_is_no_fault_when_it_is_widened(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_link(ledger, clock)
    await stop(ledger, StopScope.AUTOMATIC)
    clock.forward(hours=1)
    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
    clock.forward(hours=1)

    await stop(ledger, StopScope.ALL)

    async with transaction(ledger.services.engine) as connection:
        violations = await find_violations(connection, now=clock.now())
    assert await truth(gateway_emulator) == [8432]
    assert [each.invariant.name for each in violations if each.invariant.is_money] == []


async def test_the_restore_gate_is_not_lifted_here_and_nothing_twice(ledger: Ledger) -> None:
    assert await lift(ledger, StopReason.RESTORE_GATE) is LiftAnswer.HAS_ITS_OWN_DOOR
    assert await lift(ledger) is LiftAnswer.NOT_STOPPED
