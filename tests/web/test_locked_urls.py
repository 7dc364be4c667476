"""A URL that too many tries have stopped: people are told, and let it work again (f42, f93)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.link_desk import unlock_command
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.web.site import CONSENT, DECLINES_TOO, OUR_FAULT, PAY, Site

TASKS = "SELECT kind, detail->>'order_number', detail->>'wrong_answers', detail->>'declines', done_by FROM staff_task"
TASKS_OF_URLS = "SELECT done_by FROM staff_task WHERE kind = 'link_locked'"
WORDS = {"by": "佐藤", "note": "お電話で確認"}


async def unlock(site: Site, order_number: str) -> int:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield site.services

    return await unlock_command(order_number, **WORDS, open_services=opened)


async def test_f42_people_are_told_of_a_url_that_wrong_answers_stopped_and_let_it_work_again(
    site: Site, clock: FakeClock
) -> None:
    payer = await site.payer()
    browser = await site.open(payer)
    for _ in range(4):
        await browser.press(CONSENT, phone_tail="9999")
    before = await site.ledger.rows(TASKS)
    await browser.press(CONSENT, phone_tail="9999")
    told = await site.ledger.rows(TASKS)

    clock.forward(minutes=5)
    status = await unlock(site, payer.order_number)
    await site.pay(payer)

    assert before == []
    assert told == [("link_locked", payer.order_number, "5", "0", None)]
    assert status == 0
    assert [charge["status"] for charge in await site.charges()] == ["succeeded"]
    assert [done_by for *_, done_by in await site.ledger.rows(TASKS)] == ["佐藤"]


async def test_f93_declines_count_from_the_unlocking_on(site: Site, clock: FakeClock) -> None:
    payer = await site.payer()
    browser = await site.decline_five_times(payer)
    told = await site.ledger.rows(TASKS)

    clock.forward(minutes=5)
    await unlock(site, payer.order_number)
    await site.pay(payer, DECLINES_TOO)  # tried twice before: a third time it may still be
    await browser.open(f"{site.base}/p/{payer.token}")
    still_open = CONSENT in browser.buttons
    await site.pay(payer)

    assert told == [("link_locked", payer.order_number, "0", "5", None)]
    assert still_open
    assert [charge["status"] for charge in await site.charges()][-1] == "succeeded"


async def test_only_a_url_that_has_stopped_is_unlocked(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    working, paid = await site.payer(1), await site.payer(2)
    await site.pay(paid)

    statuses = [await unlock(site, number) for number in (working.order_number, paid.order_number, "261100099999")]

    assert statuses == [1, 1, 1]
    assert capsys.readouterr().err.splitlines() == [
        f"The URL of order {working.order_number} is not stopped.",
        f"Order {paid.order_number} has no URL that could be used: it is paid, expired or replaced.",
        "There is no order 261100099999.",
    ]


async def test_a_stopped_url_that_has_ended_waits_for_nobody(site: Site, clock: FakeClock) -> None:
    clock.go_to("2026-11-10T10:00")
    browser = await site.open(await site.payer())
    for _ in range(5):
        await browser.press(CONSENT, phone_tail="9999")

    clock.go_to("2026-11-21T08:00")
    await expire_payment_requests(site.services, now=clock.now())

    assert await site.ledger.rows(TASKS_OF_URLS) == [("tsukibarai",)]


async def test_refusals_that_are_our_own_fault_stop_no_url(site: Site) -> None:
    payer = await site.payer()
    browser = await site.pay(payer, OUR_FAULT)
    for _ in range(4):
        await browser.press("同じカードでもう一度試す")
        await browser.press(PAY)

    await browser.open(f"{site.base}/p/{payer.token}")

    assert await site.ledger.rows("SELECT count(*) FROM payment_attempt WHERE decline_class = 'ours'") == [(5,)]
    assert CONSENT in browser.buttons
    assert await site.ledger.rows(TASKS_OF_URLS) == []
