"""Presses of お支払い that could not be sent at once: the last second, a busy gateway, a card refused since."""

from datetime import date
from uuid import UUID

import pytest

from backend.domain.payment_page import PageState
from backend.domain.states import AttemptState
from backend.usecases.charge_prepared import charge_due, charge_one
from backend.usecases.expire_payment_requests import close_settled_late, expire_payment_requests
from backend.usecases.send_reminders import send_reminders
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_brake import CLAIMS, declines_once, prepare_press
from tests.usecases.test_charging import ATTEMPTS, control, truth
from tests.usecases.test_money_safety import opened_link

__all__ = ["declines_once"]
BUSY = {"rules": [{"path": "/v1/charges", "method": "POST", "kind": "429"}]}
BILLS = "SELECT state FROM bill"
NEWS = "SELECT kind FROM notice WHERE dedupe_key LIKE '%press:%'"


async def the_press(ledger: Ledger) -> UUID:
    [(attempt_id,)] = await ledger.rows("SELECT id FROM payment_attempt WHERE state = 'prepared'")
    return UUID(str(attempt_id))


@pytest.mark.usefixtures("declines_once")
async def test_f41_a_press_of_the_last_second_is_not_overtaken_by_the_closing(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await prepare_press(ledger, clock, lease_seconds=60, at="2026-11-20T23:59:59")
    pressed = clock.now()

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await charge_one(ledger.services, attempt_id=await the_press(ledger), now=pressed)

    assert await truth(gateway_emulator) == [8432]
    assert await ledger.rows(BILLS) == [("paid",)]


@pytest.mark.usefixtures("declines_once")
async def test_f41_a_press_whose_process_died_is_not_sent_after_the_last_day(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await prepare_press(ledger, clock, lease_seconds=60, at="2026-11-20T23:59:59")
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await ledger.change("UPDATE payment_attempt SET lease_until = clock_timestamp() WHERE state = 'prepared'")

    await charge_due(ledger.services, now=clock.forward(minutes=1))
    await close_settled_late(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(BILLS) == [("carried_over",)]
    told = "SELECT facts->>'next_day', state FROM notice WHERE kind = 'charge_carried_over'"
    assert await ledger.rows(told) == [("2026-12-10", "queued")]


async def test_f30_a_press_that_a_busy_gateway_keeps_waiting_is_taken_back_and_told(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_link(ledger, clock)
    cookie = await payer_with_card(ledger)
    await control(gateway_emulator, "faults", BUSY)

    page = await press(ledger, await session_of(ledger, cookie))
    await charge_due(ledger.services, now=clock.forward(minutes=4))
    waiting = await ledger.rows(ATTEMPTS)
    await charge_due(ledger.services, now=clock.forward(minutes=2))
    await control(gateway_emulator, "faults", {"rules": []})
    await charge_due(ledger.services, now=clock.forward(hours=2))
    after = (await session_of(ledger, await payer_with_card(ledger))).page

    assert page.state(now=clock.now()) is PageState.BEING_CONFIRMED
    assert waiting == [("prepared", None)]
    assert await truth(gateway_emulator) == []
    assert await ledger.rows(CLAIMS) == []
    assert (after.state(now=clock.now()), after.attempt_state) == (PageState.PAYABLE, AttemptState.WITHDRAWN)
    assert await ledger.rows(NEWS) == [("reminder",)]


async def test_each_press_that_is_taken_back_is_told_beside_the_reminder_of_the_day(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_link(ledger, clock)
    await ledger.change("UPDATE notice SET state = 'sent', first_sent_at = created_at, last_sent_at = created_at")
    await send_reminders(ledger.services, run_on=date(2026, 11, 15), now=clock.go_to("2026-11-15T10:00"))
    await control(gateway_emulator, "faults", BUSY)

    for _ in range(2):
        await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
        await charge_due(ledger.services, now=clock.forward(minutes=6))

    # That this is nothing told twice is judged by the invariants, at the end of each test.
    assert await ledger.rows("SELECT count(*) FROM notice WHERE kind = 'reminder'") == [(3,)]
    assert await ledger.rows(NEWS) == [("reminder",), ("reminder",)]


@pytest.mark.usefixtures("declines_once")
async def test_a_press_on_a_card_that_was_refused_meanwhile_is_taken_back(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await prepare_press(ledger, clock, lease_seconds=60)
    await ledger.change("UPDATE payment_attempt SET decline_class = 'never' WHERE state = 'declined'")

    sent = await charge_one(ledger.services, attempt_id=await the_press(ledger), now=clock.now())

    assert sent is None
    assert await ledger.rows(ATTEMPTS) == [("declined", "never"), ("withdrawn", None)]
    assert await truth(gateway_emulator) == []
