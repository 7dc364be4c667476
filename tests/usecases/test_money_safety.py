"""Races, crashes and late answers around money: each was a hole that the property test or its reading found."""

import asyncio

import pytest

from backend.domain.states import AttemptOrigin
from backend.ports import Busy
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import close_settled_late, expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.receive_gateway_event import NothingLearntError, receive_gateway_event
from backend.usecases.record_outcome import record_outcome
from backend.usecases.request_card_change import request_card_change
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import STOLEN, charge_event, payer_with_card, press, session_of
from tests.usecases.test_charging import ATTEMPTS, control, truth

REQUESTS = "SELECT amount, state FROM payment_request ORDER BY id"
ALWAYS_BROKEN = {"rules": [{"path": "/v1/charges", "kind": "500_before"}]}


async def opened_link(ledger: Ledger, clock: FakeClock) -> int:
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


async def opened_charge(ledger: Ledger, clock: FakeClock) -> int:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


async def test_a_card_that_was_refused_for_good_is_not_charged_again_however_often_it_is_pressed(
    ledger: Ledger, clock: FakeClock
) -> None:
    await opened_link(ledger, clock)
    cookie = await payer_with_card(ledger, STOLEN)
    await press(ledger, await session_of(ledger, cookie))

    await press(ledger, await session_of(ledger, cookie))

    assert await ledger.rows(ATTEMPTS) == [("declined", "never")]


async def test_f37_a_double_press_whose_first_half_was_declined_at_once_is_one_try(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_link(ledger, clock)
    first = await session_of(ledger, await payer_with_card(ledger))
    second = await session_of(ledger, await payer_with_card(ledger))
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})

    await press(ledger, first)
    await press(ledger, second)

    assert await ledger.rows(ATTEMPTS) == [("declined", "soft")]


async def test_f35_a_press_that_commits_while_the_opening_waits_for_it_keeps_its_request(
    ledger: Ledger, clock: FakeClock
) -> None:
    account = await opened_link(ledger, clock)
    card = await registered_card(ledger, account)
    assert card.card is not None
    await ledger.bill(account, "2026-12", 9120, confirmed="2026-11-12")
    now = clock.go_to("2026-11-12T10:00")

    async with transaction(ledger.services.engine) as connection:
        await attempts.prepare_attempts(
            connection,
            request_ids=[1],
            origin=AttemptOrigin.LINK,
            card_id=1,
            now=now,
            not_before=now,
            lease_seconds=60,
            base_url="http://127.0.0.1:8080",
        )
        opening = asyncio.create_task(open_payment_requests(ledger.services, now=now))
        await asyncio.sleep(0.3)
    await opening

    assert await ledger.rows(REQUESTS) == [(8432, "open")]


async def test_r09_late_money_from_the_old_card_does_not_bring_the_old_card_back(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await opened_charge(ledger, clock)
    await control(gateway_emulator, "faults", ALWAYS_BROKEN)
    await charge_due(ledger.services, now=clock.now())
    await request_card_change(ledger.services, account_id=account, now=clock.now())
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await control(gateway_emulator, "faults", {"rules": []})
    await ledger.bill(account, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))
    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
    [(attempt_id, body)] = await ledger.rows(
        "SELECT id, charge_request FROM payment_attempt WHERE origin = 'automatic'"
    )

    await ledger.services.gateway.charge(attempt_id=attempt_id, charge_request=body)
    await resolve_due(ledger.services, now=clock.forward(minutes=5))

    assert await ledger.rows("SELECT state FROM card_on_file ORDER BY id") == [("replaced",), ("active",)]
    assert await ledger.rows("SELECT state FROM bill ORDER BY id") == [("paid",), ("paid",)]


async def test_after_the_schedule_people_are_called_and_the_gateway_is_asked_once_a_day(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)
    await control(gateway_emulator, "faults", ALWAYS_BROKEN)
    await charge_due(ledger.services, now=clock.now())

    asked = [
        await resolve_due(ledger.services, now=clock.forward(days=2)),
        await resolve_due(ledger.services, now=clock.now()),
    ]
    tasks = await ledger.rows("SELECT kind FROM staff_task")
    await control(gateway_emulator, "faults", {"rules": []})
    await resolve_due(ledger.services, now=clock.forward(days=1, minutes=1))

    assert asked == [1, 0]
    assert tasks == [("payment_unknown",)]
    assert await ledger.rows(ATTEMPTS) == [("declined", "ours")]
    assert ("payment_unknown",) not in await ledger.rows("SELECT kind FROM staff_task WHERE done_at IS NULL")


async def test_f20_a_charge_left_over_from_before_the_deadline_is_not_sent_after_it(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)

    await charge_due(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await expire_payment_requests(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(ATTEMPTS) == [("withdrawn", None)]
    assert await ledger.rows("SELECT state FROM bill") == [("carried_over",)]


async def test_a_429_that_comes_after_the_deadline_ends_the_try(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)
    now = clock.go_to("2026-11-20T23:59:59")
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(connection, now=now, check_at=now, size=1, lease_seconds=60)
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    await record_outcome(ledger.services, attempt_id=sent.id, outcome=Busy(retry_after=30), now=clock.now())
    await charge_due(ledger.services, now=clock.forward(hours=1))
    await close_settled_late(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(REQUESTS) == [(8432, "expired")]


async def test_a_replay_that_the_gateway_refuses_proves_nothing_about_the_first_call(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)
    await control(gateway_emulator, "faults", ALWAYS_BROKEN)
    await charge_due(ledger.services, now=clock.now())
    await control(gateway_emulator, "reset", {})  # a gateway that has lost its books answers 400

    await resolve_due(ledger.services, now=clock.forward(minutes=2))

    assert await ledger.rows(ATTEMPTS) == [("unknown", None)]
    assert await ledger.rows("SELECT state FROM bill") == [("held",)]


async def test_late_money_that_cannot_be_looked_up_yet_is_asked_about_again(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await opened_charge(ledger, clock)
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})
    await charge_due(ledger.services, now=clock.now())
    [(reference, attempt_id)] = await ledger.rows("SELECT gateway_reference, id::text FROM payment_attempt")
    await control(gateway_emulator, f"charges/{reference}/late_success", {})
    away = {"path": "/v1/charges", "method": "GET", "kind": "500_before", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [away]})
    event = charge_event(attempt_id, now=clock.now())

    with pytest.raises(NothingLearntError):
        await receive_gateway_event(ledger.services, event, now=clock.now())
    await receive_gateway_event(ledger.services, event, now=clock.forward(seconds=1))

    assert await ledger.rows(ATTEMPTS) == [("succeeded", None)]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_an_attempt_that_a_killed_worker_was_asking_about_is_asked_about_again(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, kind: str
) -> None:
    await opened_charge(ledger, clock)
    rules = [{"path": "/v1/charges", "method": "POST", "kind": kind, "times": 1}]
    await control(gateway_emulator, "faults", {"rules": rules})
    await charge_due(ledger.services, now=clock.now())
    hang = {"path": "/v1/charges", "method": "GET", "kind": "hang", "seconds": 0.2, "times": 1}
    await control(gateway_emulator, "faults", {"rules": [hang]})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(resolve_due(ledger.services, now=clock.forward(minutes=2)), timeout=0.1)

    await ledger.change("UPDATE payment_attempt SET lease_until = clock_timestamp() - interval '1 second'")
    await resolve_due(ledger.services, now=clock.forward(minutes=2))

    assert await truth(gateway_emulator) == [8432]
    assert await ledger.rows(ATTEMPTS) == [("succeeded", None)]


async def test_f68_who_gets_a_lost_row_number_after_a_restore_gets_a_customer_of_their_own_at_the_gateway(
    ledger: Ledger, clock: FakeClock
) -> None:
    known = "SELECT reference FROM gateway_customer"
    await opened_link(ledger, clock)
    await payer_with_card(ledger)
    [lost] = await ledger.rows(known)
    await ledger.change("DELETE FROM gateway_customer")
    await ledger.change("UPDATE account SET customer_number = '0000000777'")

    await payer_with_card(ledger)

    [theirs] = await ledger.rows(known)
    assert theirs != lost
