"""A charge that is declined after the last day: the customer is told once what has become of the amount (R06)."""

import pytest

from backend.domain.states import DeclineClass
from backend.ports import Declined, Evidence, Succeeded, Unknown
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.expire_payment_requests import close_settled_late, expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import control

SAID = Evidence(source="look_up", body={}, request_id=None)
SOFT = Declined(
    decline_class=DeclineClass.SOFT, decline_code="insufficient_funds", gateway_reference=None, evidence=SAID
)
NOTICES = (
    "SELECT kind, facts->>'amount', facts->>'next_day', state FROM notice WHERE kind <> 'payment_link' ORDER BY id"
)
TOLD = ("charge_carried_over", "8432", "2026-12-10", "queued")


@pytest.fixture
async def sent(ledger: Ledger, clock: FakeClock) -> attempts.SendableAttempt:
    """An automatic charge that is on the wire."""
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    return sent


async def test_r06_an_unknown_charge_that_turns_out_declined_after_the_20th_is_told_once(
    ledger: Ledger, clock: FakeClock, sent: attempts.SendableAttempt
) -> None:
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=Unknown(reason="timeout"), now=clock.now())
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    before = await ledger.rows(NOTICES)

    for _ in range(2):
        await record_outcome(ledger.services, attempt_id=sent.id, outcome=SOFT, now=clock.go_to("2026-11-21T08:00"))
        await close_settled_late(ledger.services, now=clock.now())

    assert before == []
    assert await ledger.rows(NOTICES) == [TOLD]
    assert await ledger.rows("SELECT state FROM bill") == [("carried_over",)]
    assert await ledger.rows("SELECT to_char(not_before AT TIME ZONE 'Asia/Tokyo', 'DD HH24') FROM notice") == [
        ("21 10",)  # in the send hours
    ]


async def test_r06_f23_a_payer_who_was_told_to_wait_is_told_of_a_decline_after_the_20th(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_before", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})
    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    [(attempt_id,)] = await ledger.rows("SELECT id FROM payment_attempt WHERE state = 'unknown'")

    await record_outcome(ledger.services, attempt_id=attempt_id, outcome=SOFT, now=clock.go_to("2026-11-21T11:00"))

    assert await ledger.rows(NOTICES) == [TOLD]


async def test_r06_who_pays_after_all_is_not_told_that_the_amount_was_carried_over(
    ledger: Ledger, clock: FakeClock, sent: attempts.SendableAttempt
) -> None:
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=SOFT, now=clock.go_to("2026-11-21T01:00"))

    came = Succeeded(gateway_reference="ch_late", amount=8432, evidence=SAID)
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=came, now=clock.now())

    assert await ledger.rows("SELECT kind, state FROM notice ORDER BY id") == [
        ("charge_carried_over", "failed"),
        ("charged", "queued"),
    ]
