"""Charges at the edges: dead cards, card changes, amounts that differ, keys that are wrong."""

from dataclasses import replace

import pytest

from backend.domain.states import DeclineClass
from backend.gateways.sandbox import open_sandbox_gateway
from backend.ports import Declined, Evidence, Succeeded
from backend.store import attempts, facts
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from backend.usecases.request_card_change import request_card_change
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import control, truth

STATES = "SELECT state FROM payment_attempt ORDER BY created_at"
SAID = Evidence(source="look_up", body={}, request_id=None)


@pytest.fixture
async def account(ledger: Ledger, clock: FakeClock) -> int:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


async def sent(ledger: Ledger, clock: FakeClock) -> attempts.SendableAttempt:
    async with transaction(ledger.services.engine) as connection:
        [attempt] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    return attempt


async def test_a_card_that_died_meanwhile_is_not_charged_by_a_try_that_was_waiting(
    ledger: Ledger, clock: FakeClock, account: int, gateway_emulator: str
) -> None:
    first = await sent(ledger, clock)
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await ledger.bill(account, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T20:00"))

    stolen = Declined(
        decline_class=DeclineClass.NEVER, decline_code="stolen_card", gateway_reference=None, evidence=SAID
    )
    await record_outcome(ledger.services, attempt_id=first.id, outcome=stolen, now=clock.now())
    await charge_due(ledger.services, now=clock.go_to("2026-12-11T10:00"))

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(STATES) == [("declined",), ("withdrawn",)]
    assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
    assert await ledger.rows("SELECT kind, facts->>'amount' FROM notice ORDER BY id") == [
        ("payment_link", "9120"),
        ("charge_carried_over", "8432"),
    ]


async def test_r09_f36_a_change_that_arrives_before_the_charge_is_sent_stops_it_and_one_after_does_not(
    ledger: Ledger, clock: FakeClock, account: int
) -> None:
    other = await ledger.account(2)
    await registered_card(ledger, other)
    await ledger.bill(other, "2026-11", 500)
    first = await sent(ledger, clock)
    await open_payment_requests(ledger.services, now=clock.now())

    for each in (account, other):
        await request_card_change(ledger.services, account_id=each, now=clock.now())
    came = Succeeded(gateway_reference="ch_1", amount=8432, evidence=SAID)
    await record_outcome(ledger.services, attempt_id=first.id, outcome=came, now=clock.now())
    await charge_due(ledger.services, now=clock.now())

    assert await ledger.rows("SELECT account_id, state, way FROM payment_request ORDER BY id") == [
        (account, "settled", "automatic"),
        (other, "open", "link"),
    ]
    assert await ledger.rows("SELECT state FROM card_change_request ORDER BY id") == [("received",), ("link_sent",)]


async def test_another_amount_at_the_gateway_is_neither_paid_nor_failed_and_is_reported_once(
    ledger: Ledger, clock: FakeClock, account: int
) -> None:
    attempt = await sent(ledger, clock)
    differs = Succeeded(gateway_reference="ch_1", amount=1, evidence=SAID)

    for _ in range(3):
        await record_outcome(ledger.services, attempt_id=attempt.id, outcome=differs, now=clock.forward(days=1))

    assert await ledger.rows("SELECT state FROM bill") == [("held",)]
    assert await ledger.rows("SELECT kind FROM notice") == []
    assert await ledger.rows("SELECT kind FROM staff_task ORDER BY id") == [
        ("amount_differs_at_gateway",),
        ("payment_unknown",),
    ]
    assert await resolve_due(ledger.services, now=clock.now()) == 0
    assert account


async def test_a_key_that_the_gateway_refuses_blames_no_card_and_tells_no_customer(
    ledger: Ledger, clock: FakeClock, account: int, gateway_emulator: str
) -> None:
    async with open_sandbox_gateway(base=gateway_emulator, key="revoked", webhook_secret="x") as locked_out:
        await charge_due(replace(ledger.services, gateway=locked_out), now=clock.now())
    told = await ledger.rows("SELECT kind FROM notice")
    tasks = await ledger.rows("SELECT kind FROM staff_task")
    await charge_due(ledger.services, now=clock.forward(hours=1))

    assert told == []
    assert tasks == [("charge_refused",)]
    assert await truth(gateway_emulator) == [8432]
    assert account


async def test_f23_the_chat_says_confirming_as_the_page_does_while_a_busy_gateway_makes_a_payer_wait(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    rule = {"path": "/v1/charges", "method": "POST", "kind": "429", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})
    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))

    async with transaction(ledger.services.engine) as connection:
        [known] = await facts.load_account_facts(
            connection, account_ids=[account], calendar=ledger.services.calendar, now=clock.now()
        )

    assert known.request is not None
    assert known.request.is_being_confirmed
