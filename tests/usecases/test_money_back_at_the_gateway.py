"""Money that went back without us: refunds at the gateway's own console, and disputes (f32, invariants 11 and 17)."""

import asyncio

import pytest

from backend.domain.gateway_objects import DisputeState, GatewayDispute, GatewayRefund
from backend.store.inbox import InboxEvent
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.receive_gateway_event import NothingLearntError, receive_gateway_event
from backend.usecases.record_money_back import MoneyBack, record_dispute, record_foreign_refund
from backend.usecases.refund_payment import RefundObstacle, approve_refund, request_refund
from backend.usecases.resolve_unknown_payments import resolve_due
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.refunds import (
    APPROVER,
    ASKER,
    REFUND_NOTICES,
    TASKS,
    approved,
    asked,
    given_back,
    ids,
    paid_bill,
    told,
    work,
)

REFUNDS = "SELECT origin, state, amount FROM refund ORDER BY amount"


def event(kind: str, reference: str, ledger: Ledger) -> InboxEvent:
    now = ledger.services.clock.now()
    body = {"id": "evt", "type": kind, "data": {"object": {"id": reference, "amount": 1, "charge": "ch_forged"}}}
    return InboxEvent(
        id=1, source="gateway", event_id="evt", order_key="", body=body, attempts=1, occurred_at=now, received_at=now
    )


async def hear(ledger: Ledger, kind: str, reference: str) -> None:
    await receive_gateway_event(ledger.services, event(kind, reference, ledger), now=ledger.services.clock.now())


async def the_refund(ledger: Ledger, reference: str) -> GatewayRefund:
    refund = await ledger.services.gateway.look_up_refund(refund_reference=reference)
    assert refund is not None
    return refund


async def the_dispute(ledger: Ledger, reference: str) -> GatewayDispute:
    dispute = await ledger.services.gateway.look_up_dispute(dispute_reference=reference)
    assert dispute is not None
    return dispute


async def test_f32_a_refund_at_the_console_becomes_a_row_a_task_and_one_notice(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/refund", {"amount": 3000})

    await hear(ledger, "refund.succeeded", made["id"])
    await hear(ledger, "refund.succeeded", made["id"])

    assert await ledger.rows(REFUNDS) == [("console", "succeeded", 3000)]
    assert await ledger.rows(TASKS) == [("refund_at_gateway",)]
    assert await ledger.rows(REFUND_NOTICES) == [("3000",)]


async def test_f32_all_of_it_given_back_at_the_console_leaves_a_refunded_bill(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/refund", {})
    refund = await the_refund(ledger, made["id"])

    answers = await asyncio.gather(
        *(record_foreign_refund(ledger.services, refund=refund, now=clock.now()) for _ in range(3))
    )

    assert sorted(answers) == [MoneyBack.KNOWN, MoneyBack.KNOWN, MoneyBack.RECORDED]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


async def test_what_the_console_gave_back_cannot_be_given_back_again(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/refund", {"amount": 8000})
    await hear(ledger, "refund.succeeded", made["id"])

    answer = await request_refund(
        ledger.services, transaction_id=paid.transaction_id, amount=433, reason="x", by=ASKER, now=clock.now()
    )

    assert answer is RefundObstacle.TOO_MUCH


async def test_what_was_approved_and_does_not_fit_any_more_is_withdrawn(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=433)
    made = await told(gateway_emulator, f"charges/{paid.charge}/refund", {"amount": 8000})

    await hear(ledger, "refund.succeeded", made["id"])
    await work(ledger)

    assert await ledger.rows(REFUNDS) == [("staff", "withdrawn", 433), ("console", "succeeded", 8000)]
    assert await given_back(gateway_emulator) == [8000]


async def test_what_was_approved_and_still_fits_is_sent(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id, amount=432)
    made = await told(gateway_emulator, f"charges/{paid.charge}/refund", {"amount": 8000})

    await hear(ledger, "refund.succeeded", made["id"])
    await work(ledger)

    assert await given_back(gateway_emulator) == [8000, 432]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


async def test_a_notification_of_our_own_refund_settles_it_and_makes_no_other_row(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    rule = {"path": "/v1/refunds", "method": "POST", "kind": "drop_after", "times": 1}
    await told(gateway_emulator, "faults", {"rules": [rule]})
    await work(ledger)
    [made] = await ids(gateway_emulator, "refunds")

    answer = await record_foreign_refund(ledger.services, refund=await the_refund(ledger, made), now=clock.now())

    assert answer is MoneyBack.OURS
    assert await ledger.rows(REFUNDS) == [("staff", "succeeded", 8432)]
    assert await ledger.rows(TASKS) == []
    assert await given_back(gateway_emulator) == [8432]


async def test_f27_a_notification_of_a_refund_that_the_gateway_does_not_know_changes_nothing(
    ledger: Ledger, clock: FakeClock
) -> None:
    await paid_bill(ledger, clock)

    await hear(ledger, "refund.succeeded", "re_forged")
    await hear(ledger, "dispute.opened", "dp_forged")

    assert await ledger.rows(REFUNDS) == []
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]


async def test_a_refund_of_a_charge_whose_answer_was_lost_books_the_charge_first(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_after", "times": 1}
    await told(gateway_emulator, "faults", {"rules": [rule]})
    await charge_due(ledger.services, now=clock.now())
    [charge] = await ids(gateway_emulator, "charges")
    made = await told(gateway_emulator, f"charges/{charge}/refund", {})

    await hear(ledger, "refund.succeeded", made["id"])

    assert await ledger.rows("SELECT state FROM payment_attempt") == [("succeeded",)]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


async def test_a_refund_whose_charge_cannot_be_learnt_now_comes_again(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    rules = [{"path": "/v1/charges", "method": "POST", "kind": "drop_after"}]
    await told(gateway_emulator, "faults", {"rules": rules, "list_lag_seconds": 600})
    await charge_due(ledger.services, now=clock.now())
    [charge] = await ids(gateway_emulator, "charges")
    made = await told(gateway_emulator, f"charges/{charge}/refund", {})

    with pytest.raises(NothingLearntError):
        await hear(ledger, "refund.succeeded", made["id"])

    assert await ledger.rows(REFUNDS) == []


async def test_a_refund_of_a_charge_that_is_not_ours_is_told_to_people(ledger: Ledger, clock: FakeClock) -> None:
    refund = GatewayRefund(
        gateway_reference="re_1",
        charge_reference="ch_1",
        amount=100,
        attempt_id=None,
        refund_id=None,
        refunded_at=clock.now(),
        body={},
    )

    answer = await record_foreign_refund(ledger.services, refund=refund, now=clock.now())

    assert answer is MoneyBack.NOT_OURS
    assert await ledger.rows(TASKS) == [("refund_at_gateway",)]


async def test_a_dispute_marks_the_bill_calls_people_and_blocks_refunds(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    waiting = await asked(ledger, paid.transaction_id, amount=100)
    made = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {})

    await hear(ledger, "dispute.opened", made["id"])
    await hear(ledger, "dispute.opened", made["id"])
    approval = await approve_refund(ledger.services, refund_id=waiting, by=APPROVER, now=clock.now())

    assert await ledger.rows("SELECT state, amount FROM dispute") == [("open", 8432)]
    assert await ledger.rows("SELECT state FROM bill") == [("disputed",)]
    assert await ledger.rows(TASKS) == [("dispute_opened",)]
    assert approval is RefundObstacle.DISPUTED


async def test_an_approved_refund_is_not_sent_while_a_dispute_is_open(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await approved(ledger, paid.transaction_id)
    made = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {})
    await hear(ledger, "dispute.opened", made["id"])
    await work(ledger)
    meanwhile = await given_back(gateway_emulator)
    await told(gateway_emulator, f"disputes/{made['id']}/close", {"status": "won"})
    await hear(ledger, "dispute.won", made["id"])

    await work(ledger)

    assert meanwhile == []
    assert await given_back(gateway_emulator) == [8432]
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


@pytest.mark.parametrize(("end", "bill"), [("won", "paid"), ("lost", "refunded")])
async def test_a_dispute_ends_as_the_gateway_says(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, end: str, bill: str
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {})
    opened = await the_dispute(ledger, made["id"])
    await record_dispute(ledger.services, dispute=opened, now=clock.now())
    await told(gateway_emulator, f"disputes/{made['id']}/close", {"status": end})

    await hear(ledger, f"dispute.{end}", made["id"])
    late = await record_dispute(ledger.services, dispute=opened, now=clock.now())

    assert late is MoneyBack.KNOWN
    assert await ledger.rows("SELECT state FROM dispute") == [(end,)]
    assert await ledger.rows("SELECT state FROM bill") == [(bill,)]
    assert await ledger.rows(TASKS) == [("dispute_opened",), ("dispute_closed",)]


async def test_a_lost_dispute_of_a_part_leaves_the_bill_paid_and_counts_against_refunds(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {"amount": 8000})
    await told(gateway_emulator, f"disputes/{made['id']}/close", {"status": "lost"})
    await hear(ledger, "dispute.lost", made["id"])

    refused = await request_refund(
        ledger.services, transaction_id=paid.transaction_id, amount=433, reason="x", by=ASKER, now=clock.now()
    )
    await approved(ledger, paid.transaction_id, amount=432)
    await work(ledger)

    assert refused is RefundObstacle.TOO_MUCH
    assert await ledger.rows("SELECT state FROM bill") == [("refunded",)]


async def test_invariant_11_an_account_with_an_open_dispute_is_not_charged_by_itself(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {})
    await hear(ledger, "dispute.opened", made["id"])
    await ledger.bill(paid.account_id, "2026-12", 9120)

    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))

    assert await ledger.rows("SELECT way FROM payment_request ORDER BY id") == [("automatic",), ("link",)]


async def test_a_dispute_takes_back_an_automatic_charge_that_waits_and_sends_a_url(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    paid = await paid_bill(ledger, clock)
    await ledger.bill(paid.account_id, "2026-12", 9120)
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))
    made = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {})

    await hear(ledger, "dispute.opened", made["id"])
    await charge_due(ledger.services, now=clock.now())
    await resolve_due(ledger.services, now=clock.now())

    assert len(await ids(gateway_emulator, "charges")) == 1
    assert await ledger.rows("SELECT way, state FROM payment_request ORDER BY id DESC LIMIT 1") == [("link", "open")]
    assert await ledger.rows("SELECT kind FROM notice ORDER BY id DESC LIMIT 1") == [("payment_link",)]


async def test_a_dispute_about_a_charge_that_is_not_ours_is_kept_and_told(ledger: Ledger, clock: FakeClock) -> None:
    paid = await paid_bill(ledger, clock)
    dispute = GatewayDispute(
        gateway_reference="dp_1",
        charge_reference=f"not-{paid.charge}",
        amount=100,
        reason="fraudulent",
        state=DisputeState.OPEN,
        attempt_id=None,
        opened_at=clock.now(),
        closed_at=None,
        body={},
    )

    answer = await record_dispute(ledger.services, dispute=dispute, now=clock.now())

    assert answer is MoneyBack.NOT_OURS
    assert await ledger.rows("SELECT account_id, state FROM dispute") == [(None, "open")]
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
