"""What customers are told: nothing about a request that has been replaced, nothing that is not true any more."""

from backend.domain.states import DeclineClass
from backend.ports import Declined, Evidence, Succeeded
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import control

NOTICES = "SELECT kind, facts->>'amount', state, failure FROM notice ORDER BY id"


async def test_r07_a_request_that_was_replaced_before_its_message_left_is_not_announced(
    ledger: Ledger, clock: FakeClock
) -> None:
    account = await ledger.account()
    await ledger.bill(account, "2026-10", 7000, confirmed="2026-11-08")
    await open_payment_requests(ledger.services, now=clock.go_to("2026-11-12T20:00"))

    await ledger.bill(account, "2026-11", 8432, confirmed="2026-11-12")
    await open_payment_requests(ledger.services, now=clock.go_to("2026-11-12T21:00"))

    assert await ledger.rows(NOTICES) == [
        ("payment_link", "7000", "failed", "request_void"),
        ("payment_link", "15432", "queued", None),
    ]


async def test_r05_a_message_that_was_held_until_the_url_has_expired_is_not_sent(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    assert await ledger.rows(NOTICES) == [("payment_link", "8432", "failed", "request_expired")]


async def test_who_has_paid_is_not_asked_to_pay_by_a_message_that_was_still_waiting(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())

    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))

    assert await ledger.rows(NOTICES) == [
        ("payment_link", "8432", "failed", "request_settled"),
        ("paid", "8432", "queued", None),
    ]


async def test_the_message_about_a_payment_names_the_card_that_paid(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    said = Evidence(source="look_up", body={}, request_id=None)
    never_came = Declined(
        decline_class=DeclineClass.OURS, decline_code="not_processed", gateway_reference=None, evidence=said
    )
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=never_came, now=clock.now())
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "insufficient_funds"}]})
    await press(ledger, await session_of(ledger, await payer_with_card(ledger, "5555555555554444")))

    came = Succeeded(gateway_reference="ch_late", amount=8432, evidence=said)
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=came, now=clock.now())

    assert await ledger.rows("SELECT facts->>'last4' FROM notice WHERE kind = 'charged'") == [("4242",)]


async def test_a_decline_that_arrives_after_the_last_day_offers_no_dead_url(ledger: Ledger, clock: FakeClock) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    said = Evidence(source="look_up", body={}, request_id=None)
    declined = Declined(
        decline_class=DeclineClass.SOFT, decline_code="insufficient_funds", gateway_reference=None, evidence=said
    )

    now = clock.go_to("2026-11-21T08:00")  # the scheduler is down since the 20th, the worker is not
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=declined, now=now)

    assert await ledger.rows("SELECT state FROM payment_link") == []
    assert await ledger.rows(NOTICES) == [("charge_carried_over", "8432", "queued", None)]


async def test_a_charge_that_our_own_mistake_made_fail_is_reported_to_people(ledger: Ledger, clock: FakeClock) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    said = Evidence(source="charge", body={}, request_id=None)
    refused = Declined(
        decline_class=DeclineClass.OURS, decline_code="parameter_invalid", gateway_reference=None, evidence=said
    )

    await record_outcome(ledger.services, attempt_id=sent.id, outcome=refused, now=clock.now())

    assert await ledger.rows("SELECT kind FROM staff_task") == [("charge_refused",)]
