"""Automatic charges at the real sandbox gateway: success, decline, unknown (R04, f1-f2, f23-f25)."""

import aiohttp
import pytest

from backend.domain.states import DeclineClass
from backend.ports import RegistrationStatus
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

ATTEMPTS = "SELECT state, decline_class FROM payment_attempt ORDER BY ordinal"


@pytest.fixture
async def account(ledger: Ledger, clock: FakeClock) -> int:
    """An account with a card on file, its November bill opened for an automatic charge."""
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


async def control(emulator: str, what: str, body: dict[str, object]) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{emulator}/_control/{what}", json=body) as answer:
        assert answer.status < 300, await answer.text()


async def truth(emulator: str) -> list[int]:
    async with aiohttp.ClientSession() as session, session.get(f"{emulator}/_control/truth") as answer:
        charges = (await answer.json())["charges"]
    return [charge["amount"] for charge in charges if charge["status"] == "succeeded"]


@pytest.mark.usefixtures("account")
async def test_r04_a_registered_card_is_charged_and_the_customer_told_once(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await charge_due(ledger.services, now=clock.now())
    await charge_due(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == [8432]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert await ledger.rows("SELECT kind FROM notice") == [("charged",)]


@pytest.mark.parametrize(
    ("number", "decline_class"),
    [
        ("4000000000009995", DeclineClass.SOFT),
        ("4000000000009961", DeclineClass.NEW_CARD),
        ("4000000000009979", DeclineClass.NEVER),
        ("4000002760003184", DeclineClass.AUTHENTICATE),
        ("4000000000009953", DeclineClass.OURS),
    ],
)
async def test_there_is_a_test_number_for_each_class_of_decline(
    ledger: Ledger, clock: FakeClock, number: str, decline_class: DeclineClass
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account, number=number)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())

    await charge_due(ledger.services, now=clock.now())

    assert await ledger.rows(ATTEMPTS) == [("declined", decline_class)]


@pytest.mark.usefixtures("account")
async def test_a_declined_charge_opens_a_link_and_tells_the_customer(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})

    await charge_due(ledger.services, now=clock.now())

    assert await ledger.rows(ATTEMPTS) == [("declined", "soft")]
    assert await ledger.rows("SELECT bill_id FROM bill_claim") == []
    assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
    assert await ledger.rows("SELECT kind FROM notice") == [("charge_declined",)]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "500_before", "500_after"])
async def test_f2_f23_f24_a_lost_answer_is_unknown_then_resolved_to_one_charge(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, kind: str
) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": kind, "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})

    await charge_due(ledger.services, now=clock.now())
    told = await ledger.rows("SELECT kind FROM notice")
    states = await ledger.rows("SELECT state FROM bill")
    await resolve_due(ledger.services, now=clock.forward(minutes=1, seconds=1))

    assert told == []
    assert states == [("held",)]
    assert await truth(gateway_emulator) == [8432]
    assert await ledger.rows(ATTEMPTS) == [("succeeded", None)]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]


@pytest.mark.usefixtures("account")
async def test_f23_a_gateway_that_returns_is_noticed_within_a_quarter_of_an_hour(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    away = {"path": "/v1/charges", "kind": "500_before", "times": 1000}
    await control(gateway_emulator, "faults", {"rules": [away]})
    await charge_due(ledger.services, now=clock.now())
    for _ in range(5 * 60):
        await resolve_due(ledger.services, now=clock.forward(minutes=1))
    heard = await ledger.rows("SELECT source, outcome FROM payment_evidence")
    held = await ledger.rows(ATTEMPTS)

    await control(gateway_emulator, "faults", {"rules": []})
    for _ in range(15):
        await resolve_due(ledger.services, now=clock.forward(minutes=1))

    assert (heard, held) == ([("no_answer", "unknown")], [("unknown", None)])
    assert await ledger.rows(ATTEMPTS) == [("succeeded", None)]
    assert await truth(gateway_emulator) == [8432]


@pytest.mark.usefixtures("account")
async def test_f30_a_busy_gateway_is_asked_again_later(ledger: Ledger, clock: FakeClock, gateway_emulator: str) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": "429", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})

    await charge_due(ledger.services, now=clock.now())
    before = await ledger.rows(ATTEMPTS)
    await charge_due(ledger.services, now=clock.forward(hours=1))

    assert before == [("prepared", None)]
    assert await ledger.rows(ATTEMPTS) == [("succeeded", None)]


async def test_the_kit_registers_a_real_card(ledger: Ledger) -> None:
    account = await ledger.account()

    registration = await registered_card(ledger, account)

    assert registration.status is RegistrationStatus.SUCCEEDED
