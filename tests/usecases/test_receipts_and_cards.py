"""A receipt and a card never take money for one bill, whoever is first (invariant 1)."""

import asyncio

import pytest

from backend.domain.receipt_refusal import ReceiptRefusalCode
from backend.usecases import take_first_payment
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.receive_gateway_event import receive_gateway_event
from backend.usecases.request_card_change import request_card_change
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import charge_event, payer_with_card, press, session_of
from tests.usecases.receipts import (
    AMOUNT,
    ATTEMPTS,
    BILLS,
    CLAIMS,
    NOTICES,
    RECEIPTS,
    REQUESTS,
    TASKS,
    approve,
    number,
    record,
    recorded,
    reject,
)
from tests.usecases.test_charging import control, truth


@pytest.fixture
async def account(ledger: Ledger) -> int:
    return await ledger.account()


@pytest.fixture
async def by_link(ledger: Ledger, account: int, clock: FakeClock) -> int:
    """November is asked for by a URL, whose message has gone out."""
    await ledger.bill(account, "2026-11", AMOUNT)
    await open_payment_requests(ledger.services, now=clock.now())
    await ledger.change("UPDATE notice SET state = 'delivered', first_sent_at = :now", now=clock.now())
    return account


@pytest.fixture
async def automatic(ledger: Ledger, account: int, clock: FakeClock) -> int:
    """November waits to be charged to the registered card."""
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", AMOUNT)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


async def test_an_automatic_charge_that_was_not_sent_is_taken_back(
    ledger: Ledger, automatic: int, gateway_emulator: str, clock: FakeClock
) -> None:
    receipt = await recorded(ledger, number(automatic))
    await charge_due(ledger.services, now=clock.now())
    await approve(ledger, receipt)
    await charge_due(ledger.services, now=clock.forward(hours=1))

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(ATTEMPTS) == [("withdrawn",)]
    assert await ledger.rows(REQUESTS) == [("settled", AMOUNT)]
    assert await ledger.rows(NOTICES) == []


async def test_after_a_rejection_the_registered_card_is_charged_after_all(
    ledger: Ledger, automatic: int, gateway_emulator: str, clock: FakeClock
) -> None:
    await reject(ledger, await recorded(ledger, number(automatic)))

    await charge_due(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == [AMOUNT]
    assert await ledger.rows(ATTEMPTS) == [("withdrawn",), ("succeeded",)]


async def test_invariant_9_after_a_rejection_a_card_that_is_being_changed_is_not_charged(
    ledger: Ledger, automatic: int, gateway_emulator: str, clock: FakeClock
) -> None:
    receipt = await recorded(ledger, number(automatic))
    await request_card_change(ledger.services, account_id=automatic, now=clock.now())

    await reject(ledger, receipt)
    await charge_due(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == []
    assert await ledger.rows("SELECT way FROM payment_request") == [("link",)]
    assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
    assert await ledger.rows("SELECT state FROM card_change_request") == [("link_sent",)]


async def test_a_charge_that_was_sent_is_never_taken_back(
    ledger: Ledger, automatic: int, gateway_emulator: str, clock: FakeClock
) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_after", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})
    await charge_due(ledger.services, now=clock.now())

    refused = await record(ledger, number(automatic))
    await resolve_due(ledger.services, now=clock.forward(minutes=2))
    afterwards = await record(ledger, number(automatic))

    assert refused is ReceiptRefusalCode.CARD_UNDER_WAY
    assert afterwards is ReceiptRefusalCode.PAID_BILL
    assert await truth(gateway_emulator) == [AMOUNT]
    assert await ledger.rows(RECEIPTS) == []


async def decline_then_take(ledger: Ledger, emulator: str) -> str:
    """A press that is declined, whose money will turn out to have been taken; returns its attempt."""
    payer = await session_of(ledger, await payer_with_card(ledger, "4000000000009995"))
    await press(ledger, payer)
    [(attempt, reference)] = await ledger.rows("SELECT id::text, gateway_reference FROM payment_attempt")
    await control(emulator, f"charges/{reference}/late_success", {})
    return str(attempt)


async def test_late_money_of_a_card_for_a_bill_paid_by_receipt_is_for_people(
    ledger: Ledger, by_link: int, gateway_emulator: str, clock: FakeClock
) -> None:
    attempt = await decline_then_take(ledger, gateway_emulator)
    await approve(ledger, await recorded(ledger, number(by_link)))

    await receive_gateway_event(ledger.services, charge_event(attempt, now=clock.now()), now=clock.now())

    assert await ledger.rows(TASKS) == [("captured_twice",)]
    assert await ledger.rows(ATTEMPTS) == [("declined",)]
    assert await ledger.rows(BILLS) == [("2026-11", "paid")]


async def test_late_money_of_a_card_overtakes_a_receipt_that_nobody_approved(
    ledger: Ledger, by_link: int, gateway_emulator: str, clock: FakeClock
) -> None:
    attempt = await decline_then_take(ledger, gateway_emulator)
    receipt = await recorded(ledger, number(by_link))

    await receive_gateway_event(ledger.services, charge_event(attempt, now=clock.now()), now=clock.now())
    approved = await approve(ledger, receipt)
    rejected = await reject(ledger, receipt)

    assert await ledger.rows(TASKS) == [("late_success",), ("receipt_overtaken",)]
    assert await ledger.rows(BILLS) == [("2026-11", "paid")]
    assert approved is ReceiptRefusalCode.PAID_BY_CARD
    assert rejected is None
    assert await ledger.rows(CLAIMS) == [(True, None)]


# --- at the same moment, over connections of their own ------------------------------------------------------------


@pytest.mark.parametrize("_again", range(4))
async def test_a_press_and_a_receipt_at_the_same_moment_pay_once(
    ledger: Ledger, by_link: int, gateway_emulator: str, _again: int
) -> None:
    payer = await session_of(ledger, await payer_with_card(ledger))
    paying = take_first_payment.pay(
        ledger.services, payer=payer, transaction_id=payer.page.transaction_id, now=ledger.services.clock.now()
    )

    outcome, _ = await asyncio.gather(record(ledger, number(by_link)), paying)

    taken = await truth(gateway_emulator)
    assert taken == ([] if isinstance(outcome, int) else [AMOUNT])
    assert len(await ledger.rows(CLAIMS)) == 1


@pytest.mark.parametrize("_again", range(4))
async def test_the_worker_and_a_receipt_at_the_same_moment_pay_once(
    ledger: Ledger, automatic: int, gateway_emulator: str, clock: FakeClock, _again: int
) -> None:
    outcome, _ = await asyncio.gather(record(ledger, number(automatic)), charge_due(ledger.services, now=clock.now()))

    taken = await truth(gateway_emulator)
    assert taken == ([] if isinstance(outcome, int) else [AMOUNT])
    assert outcome in {1, ReceiptRefusalCode.CARD_UNDER_WAY, ReceiptRefusalCode.PAID_BILL}


async def test_the_answer_to_an_unknown_charge_and_a_receipt_at_the_same_moment_pay_once(
    ledger: Ledger, automatic: int, gateway_emulator: str, clock: FakeClock
) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_after", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})
    await charge_due(ledger.services, now=clock.now())
    now = clock.forward(minutes=2)

    outcome, _ = await asyncio.gather(record(ledger, number(automatic)), resolve_due(ledger.services, now=now))

    assert outcome in {ReceiptRefusalCode.CARD_UNDER_WAY, ReceiptRefusalCode.PAID_BILL}
    assert await ledger.rows(CLAIMS) == [(True, None)]
    assert await ledger.rows(BILLS) == [("2026-11", "paid")]


async def test_two_receipts_at_the_same_moment_are_one(ledger: Ledger, by_link: int) -> None:
    outcomes = await asyncio.gather(*(record(ledger, number(by_link), reference=f"F-{n}") for n in range(4)))

    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert outcomes.count(ReceiptRefusalCode.RECEIPT_WAITS) == 3


async def test_an_opening_and_a_receipt_at_the_same_moment_leave_no_claimed_bill_asked_for(
    ledger: Ledger, account: int, clock: FakeClock
) -> None:
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", AMOUNT)

    await asyncio.gather(open_payment_requests(ledger.services, now=clock.now()), record(ledger, number(account)))

    live = "SELECT state FROM payment_attempt WHERE state IN ('prepared', 'sent')"
    assert await ledger.rows(RECEIPTS) == [("recorded",)]
    assert await ledger.rows(live) == []


async def test_two_people_decide_at_the_same_moment_and_one_decision_counts(ledger: Ledger, by_link: int) -> None:
    receipt = await recorded(ledger, number(by_link))

    outcomes = await asyncio.gather(approve(ledger, receipt), reject(ledger, receipt), approve(ledger, receipt))

    assert sorted(map(str, outcomes)) == ["None", "already_decided", "already_decided"]


async def test_late_money_of_a_settled_request_and_a_receipt_wait_for_nobody(
    ledger: Ledger, by_link: int, gateway_emulator: str, clock: FakeClock
) -> None:
    attempt = await decline_then_take(ledger, gateway_emulator)
    await approve(ledger, await recorded(ledger, number(by_link)))
    event = charge_event(attempt, now=clock.now())

    outcomes = await asyncio.gather(
        *(record(ledger, number(by_link), reference=f"F-{n}") for n in range(10, 14)),
        *(receive_gateway_event(ledger.services, event, now=clock.now()) for _ in range(3)),
    )

    assert set(outcomes) == {ReceiptRefusalCode.PAID_BILL, None}
    assert await ledger.rows(TASKS) == [("captured_twice",)]
