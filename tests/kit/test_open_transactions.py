"""The watch over open transactions sees what it must see, and nothing else."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.open_transactions import TransactionWatch
from tests.kit.simple_browser import SimpleBrowser

ONE = text("SELECT 1")


async def _ask_the_gateway(ledger: Ledger) -> None:
    await ledger.services.gateway.ensure_customer(customer_number="1", key="watch")


def _told(watch: TransactionWatch) -> list[str]:
    """What was found; taken away, so that this test itself does not fail by it."""
    told, watch.violations = watch.violations, []
    return told


async def test_a_call_inside_a_transaction_is_caught_with_both_places(
    ledger: Ledger, open_transactions: TransactionWatch
) -> None:
    async with transaction(ledger.services.engine) as connection:
        await connection.execute(ONE)
        await _ask_the_gateway(ledger)

    [told] = _told(open_transactions)
    assert "called from backend/gateways/sandbox.py" in told
    assert "inside the transaction of backend/store/engine.py" in told
    assert told.count("test_a_call_inside_a_transaction_is_caught_with_both_places") == 1


async def test_a_call_of_a_task_that_was_begun_inside_a_transaction_is_caught(
    ledger: Ledger, open_transactions: TransactionWatch
) -> None:
    async with transaction(ledger.services.engine) as connection, asyncio.TaskGroup() as group:
        await connection.execute(ONE)
        group.create_task(_ask_the_gateway(ledger))

    assert len(_told(open_transactions)) == 1


async def test_a_call_after_the_commit_or_the_rollback_is_right_also_in_a_task_begun_before(
    ledger: Ledger, open_transactions: TransactionWatch
) -> None:
    committed = asyncio.Event()

    async def ask_afterwards() -> None:
        await committed.wait()
        await _ask_the_gateway(ledger)

    async with transaction(ledger.services.engine) as connection:
        await connection.execute(ONE)
        asking = asyncio.create_task(ask_afterwards())
    committed.set()
    await asking
    with pytest.raises(ZeroDivisionError):
        async with transaction(ledger.services.engine):
            _ = 1 / 0
    await _ask_the_gateway(ledger)

    assert open_transactions.violations == []
    assert open_transactions.calls == 2


async def test_a_transaction_of_another_task_and_the_tests_own_browser_do_not_count(
    ledger: Ledger, open_transactions: TransactionWatch, gateway_emulator: str
) -> None:
    done = asyncio.Event()

    async def hold() -> None:
        async with transaction(ledger.services.engine):
            await done.wait()

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    await _ask_the_gateway(ledger)
    done.set()
    await holding
    browser = SimpleBrowser.new()
    async with transaction(ledger.services.engine), browser.session.get(f"{gateway_emulator}/_control/truth"):
        pass
    await browser.close()

    assert open_transactions.violations == []


async def test_a_charge_really_passes_under_the_watch(
    ledger: Ledger, clock: FakeClock, open_transactions: TransactionWatch
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    before = open_transactions.calls

    await charge_due(ledger.services, now=clock.now() + timedelta(seconds=1))

    assert open_transactions.calls == before + 1
