"""Money that the gateway reports after a decline: booked, never taken twice (money.md, crash table)."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from backend.domain.states import AttemptOrigin, DeclineClass
from backend.ports import Challenged, Declined, Evidence, Succeeded
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
from tests.kit.waiting import until_somebody_waits
from tests.usecases.batch_rig import ScriptedGateway, yes
from tests.usecases.test_charging import truth

STATES = "SELECT state FROM payment_attempt ORDER BY ordinal, created_at"
TASKS = "SELECT kind FROM staff_task ORDER BY id"
NEVER_CAME = Declined(
    decline_class=DeclineClass.OURS,
    decline_code="not_processed",
    gateway_reference=None,
    evidence=Evidence(source="look_up", body={}, request_id=None),
)


def came_late(amount: int = 8432) -> Succeeded:
    evidence = Evidence(source="look_up", body={"status": "succeeded"}, request_id=None)
    return Succeeded(gateway_reference="ch_late", amount=amount, evidence=evidence)


@pytest.fixture
async def declined(ledger: Ledger, clock: FakeClock) -> UUID:
    """An automatic charge that was sent, never found at the gateway, and given up."""
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with transaction(ledger.services.engine) as connection:
        [sent] = await attempts.take_prepared(
            connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60
        )
    await record_outcome(ledger.services, attempt_id=sent.id, outcome=NEVER_CAME, now=clock.now())
    return sent.id


async def second_try(ledger: Ledger, clock: FakeClock) -> UUID:
    """The payer has pressed on the URL that followed; nothing was sent yet."""
    async with transaction(ledger.services.engine) as connection:
        [prepared] = await attempts.prepare_attempts(
            connection,
            request_ids=[1],
            origin=AttemptOrigin.LINK,
            card_id=1,
            now=clock.now(),
            not_before=clock.now(),
            lease_seconds=0,
            base_url="http://127.0.0.1:8080",
        )
    return prepared


async def test_late_money_takes_back_a_second_try_that_was_not_sent_yet(
    ledger: Ledger, clock: FakeClock, declined: UUID, gateway_emulator: str
) -> None:
    await second_try(ledger, clock)

    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())
    await charge_due(ledger.services, now=clock.forward(minutes=5))

    assert await truth(gateway_emulator) == []
    assert await ledger.rows(STATES) == [("succeeded",), ("withdrawn",)]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert ("late_success",) in await ledger.rows(TASKS)


async def test_late_money_beside_a_second_try_on_the_wire_is_booked_and_the_second_capture_is_reported(
    ledger: Ledger, clock: FakeClock, declined: UUID
) -> None:
    second = await second_try(ledger, clock)
    async with transaction(ledger.services.engine) as connection:
        await attempts.take_prepared(connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60)
    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())

    twice = Succeeded(gateway_reference="ch_2", amount=8432, evidence=came_late().evidence)
    await record_outcome(ledger.services, attempt_id=second, outcome=twice, now=clock.now())

    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert ("captured_twice",) in await ledger.rows(TASKS)
    assert await ledger.rows("SELECT count(*) FROM payment_evidence WHERE outcome = 'succeeded'") == [(2,)]


async def test_late_money_after_the_second_try_has_paid_is_reported_and_nothing_else_changes(
    ledger: Ledger, clock: FakeClock, declined: UUID, gateway_emulator: str
) -> None:
    await second_try(ledger, clock)
    await charge_due(ledger.services, now=clock.now())

    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())
    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())

    assert await truth(gateway_emulator) == [8432]
    assert await ledger.rows("SELECT state FROM payment_request") == [("settled",)]
    assert ("captured_twice",) in await ledger.rows(TASKS)


async def test_late_money_for_carried_bills_pays_them_and_they_are_not_asked_for_again(
    ledger: Ledger, clock: FakeClock, declined: UUID
) -> None:
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-17T10:00"))

    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert len(await ledger.rows("SELECT id FROM payment_request")) == 1
    assert ("late_success",) in await ledger.rows(TASKS)


async def test_late_money_takes_its_bills_out_of_the_combined_request_before_they_are_charged_again(
    ledger: Ledger, clock: FakeClock, declined: UUID, gateway_emulator: str
) -> None:
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await ledger.bill(1, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T09:00"))

    await record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))
    await charge_due(ledger.services, now=clock.now())

    assert await truth(gateway_emulator) == [9120]
    assert await ledger.rows("SELECT state FROM bill ORDER BY id") == [("paid",), ("paid",)]


@dataclass(kw_only=True)
class ChallengingGateway(ScriptedGateway):
    """Waits for the payer's 3-D Secure until it is told to give up."""

    canceled: list[str] = field(default_factory=list)

    async def cancel(self, *, attempt_id: UUID, gateway_reference: str) -> Any:  # noqa: ARG002
        self.canceled.append(gateway_reference)
        return replace(NEVER_CAME, decline_class=DeclineClass.AUTHENTICATE, decline_code="canceled")


async def test_late_money_ends_the_3d_secure_of_a_second_try_before_the_payer_pays_again(
    ledger: Ledger, clock: FakeClock, declined: UUID
) -> None:
    asked = Challenged(gateway_reference="ch_2", action_url="https://acs.example", evidence=came_late().evidence)
    gateway = ChallengingGateway(answer=lambda _turn, request: yes(request), said_later=asked)
    challenging: Any = gateway
    services = replace(ledger.services, gateway=challenging)
    second = await second_try(ledger, clock)
    async with transaction(services.engine) as connection:
        await attempts.take_prepared(connection, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60)
    await record_outcome(services, attempt_id=second, outcome=asked, now=clock.now())
    before = await resolve_due(services, now=clock.now())

    await record_outcome(services, attempt_id=declined, outcome=came_late(), now=clock.now())
    await resolve_due(services, now=clock.forward(seconds=2))

    assert (before, gateway.canceled) == (0, ["ch_2"])
    assert await ledger.rows(STATES) == [("succeeded",), ("declined",)]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert await ledger.rows("SELECT kind FROM notice WHERE state = 'queued'") == [("charged",)]


async def test_late_money_waits_for_the_worker_that_is_taking_the_other_charge_and_leaves_its_bills_alone(
    ledger: Ledger, clock: FakeClock, declined: UUID
) -> None:
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await ledger.bill(1, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))
    async with transaction(ledger.services.engine) as worker:
        [taken] = await attempts.take_prepared(worker, now=clock.now(), check_at=clock.now(), size=1, lease_seconds=60)
        late = asyncio.create_task(
            record_outcome(ledger.services, attempt_id=declined, outcome=came_late(), now=clock.now())
        )
        await until_somebody_waits(ledger)
    await late

    assert await ledger.rows("SELECT state FROM payment_attempt ORDER BY created_at") == [("declined",), ("sent",)]
    assert await ledger.rows("SELECT attempt_id FROM bill_claim") == [(taken.id,), (taken.id,)]
    assert ("captured_twice",) in await ledger.rows(TASKS)
