"""Confirmed bills become requests (R03, R04, R06, R07, R08)."""

import pytest
from sqlalchemy import text

from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.open_payment_requests import open_payment_requests
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

REQUESTS = "SELECT amount, bill_count, state, way, carry_over_reason FROM payment_request ORDER BY id"


async def test_r04_a_confirmed_bill_becomes_a_request_with_a_link_and_a_notice(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)

    await open_payment_requests(ledger.services, now=clock.now())

    assert await ledger.rows(REQUESTS) == [(8432, 1, "open", "link", None)]
    assert await ledger.rows("SELECT state FROM payment_link") == [("active",)]
    assert await ledger.rows("SELECT kind, channel, state FROM notice") == [("payment_link", "sms", "queued")]


async def test_opening_twice_opens_once(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)

    await open_payment_requests(ledger.services, now=clock.now())
    await open_payment_requests(ledger.services, now=clock.now())

    assert len(await ledger.rows(REQUESTS)) == 1
    assert len(await ledger.rows("SELECT id FROM notice")) == 1


async def test_r03_nothing_is_requested_before_the_bill_is_confirmed(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432, confirmed="2026-11-14")

    await open_payment_requests(ledger.services, now=clock.now())

    assert await ledger.rows(REQUESTS) == []


async def test_r06_r07_an_expired_bill_waits_for_the_next_one_and_both_go_out_together(
    ledger: Ledger, clock: FakeClock
) -> None:
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    await ledger.bill(account, "2026-12", 9120, confirmed="2026-12-12")
    await open_payment_requests(ledger.services, now=clock.now())

    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-10T10:00"))
    before = len(await ledger.rows(REQUESTS))
    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-12T10:00"))

    assert before == 1
    assert await ledger.rows(REQUESTS) == [
        (8432, 1, "expired", "link", None),
        (17552, 2, "open", "link", "link_expired"),
    ]
    assert await ledger.rows("SELECT state FROM bill") == [("requested",), ("requested",)]


async def test_r06_a_carried_bill_without_a_next_one_goes_out_alone_on_the_last_fair_day(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    await expire_payment_requests(ledger.services, now=clock.go_to("2026-11-21T00:00"))

    await open_payment_requests(ledger.services, now=clock.go_to("2026-12-17T10:00"))

    assert (await ledger.rows(REQUESTS))[-1] == (8432, 1, "open", "link", "link_expired")


async def test_r07_a_bill_confirmed_while_the_other_is_unpaid_replaces_the_url_by_one_for_both(
    ledger: Ledger, clock: FakeClock
) -> None:
    account = await ledger.account()
    await ledger.bill(account, "2026-10", 7000, confirmed="2026-11-08")
    await ledger.bill(account, "2026-11", 8432, confirmed="2026-11-14")
    await open_payment_requests(ledger.services, now=clock.now())

    await open_payment_requests(ledger.services, now=clock.go_to("2026-11-14T10:00"))

    assert await ledger.rows(REQUESTS) == [
        (7000, 1, "void", "link", None),
        (15432, 2, "open", "link", "late_meter_reading"),
    ]
    assert await ledger.rows("SELECT state FROM payment_link ORDER BY created_at") == [
        ("superseded",),
        ("active",),
    ]


async def test_an_amount_below_the_gateways_minimum_waits_and_becomes_a_task(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 49)

    await open_payment_requests(ledger.services, now=clock.now())

    assert await ledger.rows(REQUESTS) == []
    assert await ledger.rows("SELECT kind FROM staff_task") == [("amount_out_of_bounds",)]


@pytest.mark.leaves_violations("a request is voided by hand while its charge waits")
async def test_a_claimed_bill_is_left_alone_and_holds_up_nobody_else(ledger: Ledger, clock: FakeClock) -> None:
    claimed, free = await ledger.account(1), await ledger.account(2)
    await registered_card(ledger, claimed)
    bill = await ledger.bill(claimed, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    await ledger.bill(free, "2026-11", 9120)
    async with ledger.services.engine.begin() as connection:
        await connection.execute(text("UPDATE payment_request_bill SET is_live = false"))
        await connection.execute(text("UPDATE payment_request SET state = 'void'"))
        await connection.execute(text("UPDATE bill SET state = 'finalized' WHERE id = :bill"), {"bill": bill})

    await open_payment_requests(ledger.services, now=clock.now())

    assert await ledger.rows("SELECT amount FROM payment_request WHERE state = 'open'") == [(9120,)]
