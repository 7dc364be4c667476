"""A charge as a safe step (faults.md, rules 1-6): committed before the wire, one key, a lease longer than the call."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from app.settings import SANDBOX_SECRET
from backend.domain.states import DeclineClass
from backend.gateways.sandbox import SandboxGateway
from backend.ports import ChargeOutcome, Declined, Evidence, Succeeded
from backend.store import attempts
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_outcome import record_outcome
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.simple_browser import SimpleBrowser
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.test_charging import control, truth

REQUESTS = "SELECT amount, state FROM payment_request ORDER BY id"
BILLS = "SELECT state FROM bill ORDER BY id"
SAID = Evidence(source="look_up", body={}, request_id=None)
ASKS_ISSUER = "4000003800000446"
GATEWAY_SECONDS = 25  # money.md, charge protocol: the time limit of a call


@pytest.fixture
async def account(ledger: Ledger, clock: FakeClock) -> int:
    """An account with a card on file, its November bill opened for an automatic charge."""
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


async def taken(ledger: Ledger, clock: FakeClock) -> attempts.SendableAttempt:
    async with transaction(ledger.services.engine) as connection:
        [attempt] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    return attempt


class WatchedGateway(SandboxGateway):
    """The real client; looks at the rows as others see them at the moment of each charge."""

    ledger: Ledger
    seen: list[tuple[Any, ...]]

    @override
    async def charge(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> ChargeOutcome:
        self.seen += await self.ledger.rows(
            "SELECT state, first_sent_at IS NOT NULL, lease_until > clock_timestamp() + make_interval(secs => :least)"
            " FROM payment_attempt WHERE id = :attempt_id",
            attempt_id=attempt_id,
            least=GATEWAY_SECONDS,
        )
        return await super().charge(attempt_id=attempt_id, charge_request=charge_request)


@pytest.mark.usefixtures("account")
async def test_the_intent_to_charge_is_committed_before_the_call_with_a_lease_that_outlives_it(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    async with aiohttp.ClientSession() as session:
        watched = WatchedGateway(
            session=session, base=gateway_emulator, key=SANDBOX_SECRET, webhook_secret=SANDBOX_SECRET
        )
        watched.ledger, watched.seen = ledger, []
        await charge_due(replace(ledger.services, gateway=watched), now=clock.now())

    assert watched.seen == [("sent", True, True)]


@pytest.mark.usefixtures("account")
async def test_f2_a_capture_that_the_gateway_lists_late_is_asked_for_with_the_same_key_and_stays_one(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    lost = {"path": "/v1/charges", "method": "POST", "kind": "drop_after", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [lost], "list_lag_seconds": 600})

    await charge_due(ledger.services, now=clock.now())
    await charge_due(ledger.services, now=clock.forward(seconds=10))
    await resolve_due(ledger.services, now=clock.forward(minutes=1))

    assert await truth(gateway_emulator) == [8432]
    assert await ledger.rows(BILLS) == [("paid",)]


@pytest.mark.usefixtures("account")
async def test_f3_money_and_the_message_about_it_are_recorded_together_or_not_at_all(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.change("ALTER TABLE notice ADD CONSTRAINT away CHECK (kind <> 'charged')")
    with suppress(IntegrityError):  # whoever may hear of it: what counts is what is in the ledger
        await charge_due(ledger.services, now=clock.now())
    before = await ledger.rows(BILLS)
    await ledger.change("ALTER TABLE notice DROP CONSTRAINT away")

    await ledger.change("UPDATE payment_attempt SET lease_until = clock_timestamp() - interval '1 second'")
    await resolve_due(ledger.services, now=clock.forward(minutes=2))

    assert before == [("held",)]  # nothing of the answer is kept: it is asked for again
    assert await ledger.rows(BILLS) == [("paid",)]
    assert await ledger.rows("SELECT kind FROM notice") == [("charged",)]


@pytest.mark.usefixtures("account")
async def test_f26_a_decline_that_arrives_after_the_money_takes_nothing_back(ledger: Ledger, clock: FakeClock) -> None:
    attempt = await taken(ledger, clock)
    came = Succeeded(gateway_reference="ch_1", amount=8432, evidence=SAID)
    declined = Declined(
        decline_class=DeclineClass.SOFT, decline_code="insufficient_funds", gateway_reference="ch_1", evidence=SAID
    )

    for outcome in (came, declined, came):
        await record_outcome(ledger.services, attempt_id=attempt.id, outcome=outcome, now=clock.now())

    assert await ledger.rows("SELECT state FROM payment_attempt") == [("succeeded",)]
    assert await ledger.rows(BILLS) == [("paid",)]
    assert await ledger.rows("SELECT kind FROM notice") == [("charged",)]
    assert await ledger.rows("SELECT kind FROM staff_task") == []


@pytest.mark.leaves_violations("a second request and attempt are written by hand")
@pytest.mark.usefixtures("account")
async def test_the_database_refuses_a_second_claim_on_a_bill_whoever_makes_it(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.change(
        "INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, opened_at, valid_until)"
        " SELECT account_id, 'second', amount, 1, 'closing', 'link', opened_at, valid_until FROM payment_request"
    )
    copied = "request_id, ordinal, origin, state, card_id, amount, gateway, charge_request, created_at, not_before"
    with pytest.raises(IntegrityError):
        await ledger.change(
            f"WITH second AS (INSERT INTO payment_attempt (id, transaction_id, {copied})"  # noqa: S608 - names of columns
            f" SELECT :id, 'second-01', r.id, {copied.removeprefix('request_id, ')}"
            " FROM payment_attempt, (SELECT id FROM payment_request WHERE order_number = 'second') r RETURNING id)"
            " INSERT INTO bill_claim (bill_id, attempt_id) SELECT bill.id, second.id FROM bill, second",
            id=uuid4(),
        )

    assert clock.now()


async def test_f30_the_clock_alone_closes_no_request_and_a_held_month_stays_out_of_the_next_one(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, account: int
) -> None:
    await control(gateway_emulator, "faults", {"rules": [{"path": "/v1/charges", "kind": "500_before"}]})
    await charge_due(ledger.services, now=clock.now())

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    after_the_deadline = await ledger.rows(REQUESTS), await ledger.rows(BILLS)
    await ledger.bill(account, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))

    assert after_the_deadline == ([(8432, "closing")], [("held",)])
    assert await ledger.rows(REQUESTS) == [(8432, "closing"), (9120, "open")]
    assert await ledger.rows(BILLS) == [("held",), ("requested",)]


async def answer_the_issuer(ledger: Ledger) -> None:
    [(reference,)] = await ledger.rows("SELECT gateway_reference FROM payment_attempt")
    question = await ledger.services.gateway.action_url(gateway_reference=reference)
    assert question is not None
    browser = await SimpleBrowser.new().open(question)
    form = browser.form(browser.buttons[0])
    async with browser.session.post(
        form.action or browser.url, data={**form.fields, "answer": "confirm"}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
    await browser.close()


async def asked_at(ledger: Ledger, clock: FakeClock, at: str) -> None:
    """A press whose issuer asks the payer something."""
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    clock.go_to(at)
    await press(ledger, await session_of(ledger, await payer_with_card(ledger, ASKS_ISSUER)))


async def test_r05_an_issuers_question_answered_in_the_last_second_is_found_by_closing_through_the_gateway(
    ledger: Ledger, clock: FakeClock
) -> None:
    await asked_at(ledger, clock, "2026-11-20T23:25")
    clock.go_to("2026-11-20T23:59:59")
    await answer_the_issuer(ledger)

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    assert await ledger.rows(REQUESTS) == [(8432, "settled")]
    assert await ledger.rows(BILLS) == [("paid",)]


async def test_r05_who_was_asked_before_midnight_may_answer_after_it(ledger: Ledger, clock: FakeClock) -> None:
    await asked_at(ledger, clock, "2026-11-20T23:59")

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    at_midnight = await ledger.rows(REQUESTS)
    clock.go_to("2026-11-21T00:20")
    await answer_the_issuer(ledger)
    await resolve_due(ledger.services, now=clock.now())

    assert at_midnight == [(8432, "closing")]
    assert await ledger.rows(REQUESTS) == [(8432, "settled")]
    assert await ledger.rows(BILLS) == [("paid",)]


async def test_r05_who_was_asked_before_midnight_and_does_not_answer_has_half_an_hour(
    ledger: Ledger, clock: FakeClock
) -> None:
    await asked_at(ledger, clock, "2026-11-20T23:59")
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    await resolve_due(ledger.services, now=clock.go_to("2026-11-21T00:28"))
    before_its_end = await ledger.rows(REQUESTS)
    await resolve_due(ledger.services, now=clock.go_to("2026-11-21T00:29"))

    assert before_its_end == [(8432, "closing")]
    assert await ledger.rows(REQUESTS) == [(8432, "expired")]
    assert await ledger.rows(BILLS) == [("carried_over",)]
    assert await ledger.rows("SELECT state, decline_class FROM payment_attempt") == [("declined", "authenticate")]


async def test_r06_a_press_of_unknown_outcome_keeps_its_month_out_of_the_next_url(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    cookie = await payer_with_card(ledger)
    await control(gateway_emulator, "faults", {"rules": [{"path": "/v1/charges", "kind": "500_before"}]})
    await press(ledger, await session_of(ledger, cookie))

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await ledger.bill(account, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))

    assert await ledger.rows(REQUESTS) == [(8432, "closing"), (9120, "open")]
