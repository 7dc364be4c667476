"""Money by bank, shop or cash pays a bill once a second person has approved it (invariants 1, 20)."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from backend.domain.billing_calendar import jst_date
from backend.domain.receipt_refusal import ReceiptRefusalCode
from backend.store import receipts
from backend.usecases.expire_payment_requests import close_settled_late, expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.send_reminders import send_reminders
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of
from tests.usecases.receipts import (
    AMOUNT,
    BILLS,
    CLAIMS,
    NOTICES,
    OTHER_AMOUNT,
    RECEIPTS,
    REQUESTS,
    approve,
    number,
    record,
    recorded,
    reject,
)
from tests.usecases.test_charging import truth


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


async def test_a_recorded_receipt_holds_the_bill_and_an_approved_one_pays_it(ledger: Ledger, by_link: int) -> None:
    receipt = await recorded(ledger, number(by_link))
    held = await ledger.rows(BILLS)

    assert await approve(ledger, receipt) is None

    assert held == [("2026-11", "held")]
    assert await ledger.rows(BILLS) == [("2026-11", "paid")]
    assert await ledger.rows("SELECT paid_at IS NOT NULL FROM bill") == [(True,)]
    assert await ledger.rows(REQUESTS) == [("settled", AMOUNT)]
    assert await ledger.rows("SELECT state FROM payment_link") == [("used",)]
    assert await ledger.rows(CLAIMS) == [(False, receipt)]


async def test_i4_who_had_a_url_is_told_once_and_who_had_none_is_not(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    waiting = await ledger.account(2)
    await ledger.bill(waiting, "2026-12", 500, confirmed="2026-11-09")

    await approve(ledger, await recorded(ledger, number(by_link)))
    await approve(ledger, await recorded(ledger, number(waiting, "2026-12"), amount=500, reference="F-2"))

    facts = {"amount": AMOUNT, "months": ["2026-11"], "amounts": [AMOUNT], "number_tail": "0001"}
    told = "SELECT account_id, channel, facts, not_before FROM notice WHERE kind = 'receipt_confirmed'"
    assert await ledger.rows(told) == [(by_link, "sms", facts, clock.now())]


async def test_what_still_waits_to_ask_for_the_money_is_withdrawn(
    ledger: Ledger, account: int, clock: FakeClock
) -> None:
    await ledger.bill(account, "2026-11", AMOUNT)
    await open_payment_requests(ledger.services, now=clock.now())

    await approve(ledger, await recorded(ledger, number(account)))

    assert await ledger.rows(NOTICES) == [("payment_link", "failed")]


async def test_invariant_20_nobody_approves_what_they_recorded(ledger: Ledger, by_link: int, clock: FakeClock) -> None:
    receipt = await record(ledger, number(by_link), person="ＳＡＴＯ ")
    assert isinstance(receipt, int)

    assert await approve(ledger, receipt, person=" sato") is ReceiptRefusalCode.SAME_PERSON
    assert await approve(ledger, receipt, person=" ") is ReceiptRefusalCode.NO_PERSON
    with pytest.raises(IntegrityError, match="two_persons"):
        await ledger.change(
            "UPDATE receipt SET state = 'approved', approved_by = ' sato ', decided_at = :now", now=clock.now()
        )
    assert await ledger.rows(BILLS) == [("2026-11", "held")]


async def test_each_refusal_names_its_reason_and_changes_nothing(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    void = await ledger.account(2)
    await ledger.bill(void, "2026-11", 100)
    await ledger.change("UPDATE bill SET state = 'void' WHERE account_id = :void", void=void)
    await ledger.bill(by_link, "2026-12", 700)
    tomorrow = jst_date(clock.now()) + timedelta(days=1)

    assert await record(ledger, "B404") is ReceiptRefusalCode.UNKNOWN_BILL
    assert await record(ledger, number(void), amount=100) is ReceiptRefusalCode.VOID_BILL
    assert await record(ledger, number(by_link), amount=AMOUNT - 1) is ReceiptRefusalCode.OTHER_AMOUNT
    assert await record(ledger, number(by_link), person="　") is ReceiptRefusalCode.NO_PERSON
    assert await record(ledger, number(by_link), reference=" ") is ReceiptRefusalCode.NO_REFERENCE
    later = await record(ledger, number(by_link), received_on=tomorrow)
    assert later is ReceiptRefusalCode.RECEIVED_IN_THE_FUTURE
    assert await ledger.rows(RECEIPTS) == []
    assert await ledger.rows(CLAIMS) == []

    receipt = await recorded(ledger, number(by_link))
    assert await record(ledger, number(by_link), reference="F-2") is ReceiptRefusalCode.RECEIPT_WAITS
    other = await record(ledger, number(by_link, "2026-12"), amount=700, reference=" Ｆ-1")
    assert other is ReceiptRefusalCode.REFERENCE_IS_USED
    await approve(ledger, receipt)
    assert await record(ledger, number(by_link), reference="F-3") is ReceiptRefusalCode.PAID_BILL
    assert await approve(ledger, receipt) is ReceiptRefusalCode.ALREADY_DECIDED
    assert await reject(ledger, receipt) is ReceiptRefusalCode.ALREADY_DECIDED
    assert await approve(ledger, 404) is ReceiptRefusalCode.UNKNOWN_RECEIPT
    assert await ledger.rows(RECEIPTS) == [("approved",)]


async def test_a_press_does_nothing_while_a_receipt_is_being_checked(
    ledger: Ledger, by_link: int, gateway_emulator: str, clock: FakeClock
) -> None:
    payer = await session_of(ledger, await payer_with_card(ledger))
    receipt = await recorded(ledger, number(by_link))

    page = await press(ledger, payer)
    checked = page.state(now=clock.now())
    await approve(ledger, receipt)
    later = await press(ledger, payer)

    assert checked == "receipt_being_checked"
    assert later.state(now=clock.now()) == "paid"
    assert await truth(gateway_emulator) == []


async def test_a_rejected_receipt_leaves_the_url_as_it_was(ledger: Ledger, by_link: int, gateway_emulator: str) -> None:
    receipt = await recorded(ledger, number(by_link))

    assert await reject(ledger, receipt) is None
    payable = await ledger.rows(BILLS)
    await press(ledger, await session_of(ledger, await payer_with_card(ledger)))

    assert payable == [("2026-11", "requested")]
    assert await truth(gateway_emulator) == [AMOUNT]
    assert await record(ledger, number(by_link)) is ReceiptRefusalCode.PAID_BILL


async def test_a_rejected_reference_can_be_recorded_for_the_right_bill(ledger: Ledger, by_link: int) -> None:
    await ledger.bill(by_link, "2026-12", 700)
    await reject(ledger, await recorded(ledger, number(by_link)))

    assert isinstance(await record(ledger, number(by_link, "2026-12"), amount=700), int)


async def test_of_two_months_one_is_paid_and_the_other_is_asked_for_anew(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    clock.go_to("2026-12-12T10:00")
    await expire_payment_requests(ledger.services, now=clock.now())
    await ledger.bill(by_link, "2026-12", 700)
    await open_payment_requests(ledger.services, now=clock.now())

    await approve(ledger, await recorded(ledger, number(by_link)))
    await open_payment_requests(ledger.services, now=clock.now())

    assert await ledger.rows(BILLS) == [("2026-11", "paid"), ("2026-12", "requested")]
    assert await ledger.rows(REQUESTS) == [("expired", AMOUNT), ("void", AMOUNT + 700), ("open", 700)]
    links = "SELECT state FROM payment_link ORDER BY request_id"
    assert await ledger.rows(links) == [("expired",), ("superseded",), ("active",)]


async def test_two_months_by_two_receipts_end_paid_and_nothing_is_asked_for(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    await ledger.bill(by_link, "2026-12", 700, confirmed="2026-11-09")
    await open_payment_requests(ledger.services, now=clock.now())
    first = await recorded(ledger, number(by_link))
    second = await recorded(ledger, number(by_link, "2026-12"), amount=700, reference="F-2")

    await approve(ledger, first)
    await open_payment_requests(ledger.services, now=clock.now())
    await approve(ledger, second)
    await open_payment_requests(ledger.services, now=clock.now())

    assert await ledger.rows(BILLS) == [("2026-11", "paid"), ("2026-12", "paid")]
    assert await ledger.rows(REQUESTS) == [("void", AMOUNT), ("void", AMOUNT + 700)]


async def test_a_new_bill_waits_while_a_receipt_is_being_checked(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    receipt = await recorded(ledger, number(by_link))
    await ledger.bill(by_link, "2026-12", 700, confirmed="2026-11-09")

    await open_payment_requests(ledger.services, now=clock.now())
    before = await ledger.rows(REQUESTS)
    await approve(ledger, receipt)
    await open_payment_requests(ledger.services, now=clock.now())

    assert before == [("open", AMOUNT)]
    assert await ledger.rows(REQUESTS) == [("settled", AMOUNT), ("open", 700)]


async def test_a_bill_that_nobody_asked_for_yet_is_left_out_of_the_month(
    ledger: Ledger, account: int, clock: FakeClock
) -> None:
    await ledger.bill(account, "2026-11", AMOUNT)
    receipt = await recorded(ledger, number(account))

    await open_payment_requests(ledger.services, now=clock.now())
    left_out = await ledger.rows(REQUESTS)
    await reject(ledger, receipt)
    await open_payment_requests(ledger.services, now=clock.now())

    assert left_out == []
    assert await ledger.rows(REQUESTS) == [("open", AMOUNT)]


async def test_the_20th_does_not_carry_over_what_a_receipt_holds(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    receipt = await recorded(ledger, number(by_link))
    clock.go_to("2026-11-21T00:00")

    await expire_payment_requests(ledger.services, now=clock.now())
    held = (await ledger.rows(BILLS), await ledger.rows(REQUESTS))
    await approve(ledger, receipt)
    await close_settled_late(ledger.services, now=clock.now())

    assert held == ([("2026-11", "held")], [("closing", AMOUNT)])
    assert await ledger.rows(BILLS) == [("2026-11", "paid")]
    assert await ledger.rows(REQUESTS) == [("settled", AMOUNT)]


async def test_r06_a_receipt_rejected_after_the_20th_lets_the_bill_join_the_next_month(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    receipt = await recorded(ledger, number(by_link))
    clock.go_to("2026-11-21T00:00")
    await expire_payment_requests(ledger.services, now=clock.now())

    await reject(ledger, receipt)

    assert await ledger.rows(BILLS) == [("2026-11", "carried_over")]
    assert await ledger.rows(REQUESTS) == [("expired", AMOUNT)]


async def test_after_the_20th_one_of_two_months_is_paid_and_the_other_carried_over(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    await ledger.bill(by_link, "2026-12", 700, confirmed="2026-11-09")
    await open_payment_requests(ledger.services, now=clock.now())
    receipt = await recorded(ledger, number(by_link))
    clock.go_to("2026-11-21T00:00")
    await expire_payment_requests(ledger.services, now=clock.now())

    await approve(ledger, receipt)

    assert await ledger.rows(BILLS) == [("2026-11", "paid"), ("2026-12", "carried_over")]
    assert await ledger.rows(REQUESTS) == [("void", AMOUNT), ("expired", AMOUNT + 700)]


async def test_nobody_is_reminded_of_what_a_receipt_may_have_paid(
    ledger: Ledger, by_link: int, clock: FakeClock
) -> None:
    await recorded(ledger, number(by_link))
    await ledger.change("UPDATE notice SET state = 'delivered', first_sent_at = created_at")
    now = clock.go_to("2026-11-15T10:00")

    await send_reminders(ledger.services, run_on=now.date(), now=now)

    assert await ledger.rows("SELECT kind FROM notice") == [("payment_link",)]


async def test_the_database_itself_keeps_receipts_as_they_are(ledger: Ledger, by_link: int) -> None:
    receipt = await recorded(ledger, number(by_link))
    await approve(ledger, receipt)

    for statement in (
        "UPDATE receipt SET amount = 1",
        "UPDATE receipt SET state = 'recorded', approved_by = NULL, decided_at = NULL",
        "UPDATE receipt SET approved_by = '田中'",
        "DELETE FROM receipt",
        "DELETE FROM bill_claim",
        OTHER_AMOUNT,
        "INSERT INTO bill_claim (bill_id, attempt_id, receipt_id) SELECT bill_id, NULL, NULL FROM receipt",
    ):
        with pytest.raises(Exception, match=r"receipt|holder|amount|claim"):
            await ledger.change(statement)


async def test_what_waits_for_a_second_person_is_listed(ledger: Ledger, by_link: int) -> None:
    receipt = await recorded(ledger, number(by_link))

    async with ledger.services.engine.begin() as connection:
        [waiting] = await receipts.find_waiting(connection)

    assert (waiting.id, waiting.bill_number, waiting.amount) == (receipt, number(by_link), AMOUNT)
