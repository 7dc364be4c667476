"""What was done rightly breaks no invariant, although machines, waits and the gateway tell different times (C1)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.gateway_objects import DisputeState, GatewayDispute
from backend.domain.states import StopReason
from backend.store import opening
from backend.store.engine import transaction
from backend.usecases import take_first_payment
from backend.usecases.brake import LiftAnswer, lift_brake
from backend.usecases.charge_prepared import charge_due, charge_one
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_money_back import record_dispute
from backend.usecases.reopen_gate import open_gate
from backend.usecases.request_card_change import request_card_change
from backend.usecases.restore_gate import check_gate
from backend.usecases.services import Services
from backend.usecases.verify_ledger import verify_ledger
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.restores import backup_of
from tests.kit.waiting import until_somebody_waits
from tests.usecases.batch_rig import Month, charge_all, month_with, opened
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_restore_gate import charge_everything, restored, with_card

_PUT_WRONG = "UPDATE notice SET facts = jsonb_set(facts, '{amount}', '\"1\"')"
_PUT_RIGHT = "UPDATE notice SET facts = jsonb_set(facts, '{amount}', to_jsonb(amount::text)) FROM payment_request r"


@pytest.fixture
async def month(services: Services) -> Month:
    month = month_with(services)
    await opened(month, customers=3)
    return month


async def test_a_stop_that_is_written_down_late_can_be_lifted_although_charges_went_on_meanwhile(
    month: Month, clock: FakeClock
) -> None:
    engine, began = month.services.engine, clock.now()
    clock.forward(minutes=3)
    await charge_due(month.services, now=clock.now(), size=1)
    await month.ledger.change(_PUT_WRONG)
    await verify_ledger(engine, now=began)
    await month.ledger.change(f"{_PUT_RIGHT} WHERE r.id = notice.request_id")
    clock.forward(minutes=30)

    lifted = await lift_brake(engine, reason=StopReason.BROKEN_INVARIANT, by="Sato", note="repaired", now=clock.now())

    assert lifted is LiftAnswer.LIFTED


async def test_a_card_change_that_waited_for_an_opening_is_received_when_it_is_written_down(
    month: Month, clock: FakeClock
) -> None:
    async with transaction(month.services.engine) as gate:
        await opening.lock_opening(gate)
        change = asyncio.create_task(request_card_change(month.services, account_id=1, now=clock.now()))
        await until_somebody_waits(month.ledger)
        clock.forward(minutes=30)
        await charge_due(month.services, now=clock.now())
    await change

    assert await month.ledger.rows("SELECT received_at FROM card_change_request") == [(clock.now(),)]


async def test_a_dispute_that_waited_for_an_opening_is_recorded_when_it_is_written_down_and_holds_no_row_meanwhile(
    month: Month, clock: FakeClock
) -> None:
    await charge_all(month)
    [(attempt, charge)] = await month.ledger.rows("SELECT id, gateway_reference FROM payment_attempt LIMIT 1")
    clock.go_to("2026-12-10T10:00")
    await month.bills("2026-12")
    await open_payment_requests(month.services, now=clock.now())
    news = GatewayDispute(
        gateway_reference="dp_1",
        charge_reference=charge,
        amount=100,
        reason="fraud",
        state=DisputeState.OPEN,
        attempt_id=attempt,
        opened_at=clock.now(),
        closed_at=None,
        body={},
    )
    async with transaction(month.services.engine) as gate:
        await opening.lock_opening(gate)
        dispute = asyncio.create_task(record_dispute(month.services, dispute=news, now=clock.now()))
        await until_somebody_waits(month.ledger)
        async with transaction(month.services.engine) as lane:
            await lane.exec_driver_sql("SELECT id FROM payment_attempt FOR UPDATE NOWAIT")
        clock.forward(minutes=30)
        await charge_due(month.services, now=clock.now())
    await dispute

    assert await month.ledger.rows("SELECT recorded_at FROM dispute") == [(clock.now(),)]


async def test_f68_a_forgotten_automatic_charge_is_imported_with_a_card_that_was_there_before_it(
    ledger: Ledger, clock: FakeClock, postgres: Any, engine: AsyncEngine
) -> None:
    await check_gate(ledger.services, now=clock.now())
    account = await ledger.account()
    await ledger.bill(account, "2026-10", 5000)
    await ledger.bill(account, "2026-11", 7000, confirmed="2026-11-12")
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
        clock.go_to("2026-11-12T10:00")
        await open_payment_requests(ledger.services, now=clock.now())
        await charge_everything(ledger)
        clock.go_to("2026-11-13T10:00")
        async with restored(ledger, url) as after:
            assert await imported(after, clock) == 2


async def test_f68_a_charge_that_the_gateway_took_after_midnight_is_imported_as_pressed_in_time(
    ledger: Ledger, clock: FakeClock, postgres: Any, engine: AsyncEngine
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    pressed = clock.go_to("2026-11-20T23:59:58")
    async with backup_of(engine, server=postgres[0]) as url:
        payer = await session_of(ledger, await payer_with_card(ledger))
        registration = await take_first_payment.look_at_registration(ledger.services, payer=payer)
        assert registration.card is not None
        attempt = await take_first_payment._claim(  # noqa: SLF001 - a press that is overtaken by midnight
            ledger.services, payer=payer, card=registration.card, now=pressed
        )
        assert attempt is not None
        clock.go_to("2026-11-21T00:00:01")
        await charge_one(ledger.services, attempt_id=attempt, now=pressed)
        clock.go_to("2026-11-21T12:00")
        async with restored(ledger, url) as after:
            assert await imported(after, clock) == 1


async def test_f68_a_charge_held_for_unsent_is_marked_as_sent_no_earlier_than_it_was_written_down(
    ledger: Ledger, clock: FakeClock, postgres: Any, engine: AsyncEngine
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    clock.forward(milliseconds=700)  # the gateway counts in whole seconds
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_everything(ledger)
        clock.forward(hours=1)
        async with restored(ledger, url) as after:
            await imported(after, clock)

            assert await after.rows("SELECT first_sent_at >= created_at FROM payment_attempt") == [(True,)]


async def imported(after: Ledger, clock: FakeClock) -> int:
    """How many charges the opened gate has brought back; the ledger is held to its invariants by `restored`."""
    await check_gate(after.services, now=clock.now())
    opened_gate = await open_gate(after.services, by="sato", now=clock.now())
    assert opened_gate.is_open, opened_gate.gap.unexplained
    return opened_gate.gap.imported
