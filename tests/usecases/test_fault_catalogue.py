"""Faults of the catalogue that no other test names: month boundaries, doubled news, abandoned questions, dead cards."""

from datetime import date, timedelta

import pytest

from backend.domain.billing_calendar import BillingCalendar, billing_month_of, jst_date
from backend.ports import Evidence, Succeeded
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import close_settled_late, expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock, jst
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import control, truth

ASKS_ISSUER = "4000003800000446"


@pytest.mark.parametrize(
    ("utc_hours_before_midnight_in_tokyo", "day"),
    [(1, "2026-11-30"), (0, "2026-12-01")],
)
def test_f18_the_month_changes_at_midnight_in_tokyo(utc_hours_before_midnight_in_tokyo: int, day: str) -> None:
    moment = jst("2026-12-01T00:00") - timedelta(hours=utc_hours_before_midnight_in_tokyo)

    assert str(jst_date(moment)) == day
    assert billing_month_of(jst_date(moment)) == day[:7]


def test_f18_over_the_new_year_and_in_a_leap_february_the_next_urls_go_out_on_the_10th() -> None:
    calendar = BillingCalendar()

    assert calendar.next_opening_on(date(2026, 12, 31)) == date(2027, 1, 10)
    assert calendar.next_opening_on(date(2028, 1, 31)) == date(2028, 2, 10)
    assert calendar.next_opening_on(date(2028, 2, 29)) == date(2028, 3, 10)


async def _sent(ledger: Ledger, clock: FakeClock) -> attempts.SendableAttempt:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    return sent


async def test_f26_a_success_told_twice_and_after_the_last_day_is_booked_and_told_once(
    ledger: Ledger, clock: FakeClock
) -> None:
    sent = await _sent(ledger, clock)
    came = Succeeded(
        gateway_reference="ch_1", amount=8432, evidence=Evidence(source="look_up", body={}, request_id=None)
    )
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    for _ in range(3):
        await record_outcome(ledger.services, attempt_id=sent.id, outcome=came, now=clock.forward(minutes=1))
    await close_settled_late(ledger.services, now=clock.now())

    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert await ledger.rows("SELECT kind FROM notice") == [("charged",)]


async def test_f28_an_issuers_question_that_nobody_answers_is_ended_at_the_gateway_and_the_url_opens_again(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    page = await press(ledger, await session_of(ledger, await payer_with_card(ledger, ASKS_ISSUER)))
    asked = page.attempt_state

    await resolve_due(ledger.services, now=clock.forward(minutes=40))

    assert asked == "challenged"
    assert await ledger.rows("SELECT state, decline_class FROM payment_attempt") == [("declined", "authenticate")]
    assert await truth(gateway_emulator) == []
    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
    assert await truth(gateway_emulator) == [8432]


async def test_f31_a_registered_card_that_has_expired_brings_one_url_and_one_message(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    await control(gateway_emulator, "outcomes", {"charges": [{"decline_code": "expired_card"}]})

    for _ in range(2):
        await charge_due(ledger.services, now=clock.forward(minutes=1))

    assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
    assert await ledger.rows("SELECT kind FROM notice") == [("charge_declined",)]
    assert await ledger.rows("SELECT state FROM card_on_file") == [("unusable",)]
