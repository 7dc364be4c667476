"""A database that has lost some of its past charges nobody until the gap is imported (invariant 22, f12, f68)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from backend.store import reconciliation_matching
from backend.store.engine import make_engine, transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.reconcile import reconcile
from backend.usecases.reopen_gate import GateIsOpenError, import_gap, open_gate
from backend.usecases.restore_gate import (
    ClosedBecause,
    GateClosedError,
    GateWatch,
    check_gate,
    check_gate_at_start,
    find_closed_gate,
)
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.restores import backup_of
from tests.kit.verification import must_verify
from tests.usecases.payers import payer_with_card, press, session_of

BILLS = "SELECT account_id, state FROM bill ORDER BY account_id"


@asynccontextmanager
async def restored(ledger: Ledger, url: str) -> AsyncIterator[Ledger]:
    """The product on another database, with the same gateway and the same clock; its invariants hold at the end."""
    engine = make_engine(url)
    yield Ledger(services=replace(ledger.services, engine=engine))
    await must_verify(engine, now=ledger.services.clock.now(), has_workers=False)
    await engine.dispose()


async def control(emulator: str, what: str, body: dict[str, object]) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{emulator}/_control/{what}", json=body) as answer:
        assert answer.status < 300, await answer.text()


async def taken(emulator: str) -> list[int]:
    """What the gateway really took, in yen."""
    async with aiohttp.ClientSession() as session, session.get(f"{emulator}/_control/truth") as answer:
        charges: list[dict[str, Any]] = (await answer.json())["charges"]
    return sorted(charge["amount"] for charge in charges if charge["status"] == "succeeded")


async def with_card(ledger: Ledger, serial: int, *, amount: int) -> int:
    """An account that is charged by itself, with a bill that waits for the 10th."""
    account = await ledger.account(serial)
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", amount)
    return account


async def charge_everything(ledger: Ledger) -> None:
    while await charge_due(ledger.services, now=ledger.services.clock.now()):
        pass


async def charge_the_month(ledger: Ledger) -> None:
    await open_payment_requests(ledger.services, now=ledger.services.clock.now())
    await charge_everything(ledger)


async def test_an_empty_system_starts_without_asking_anybody(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await control(gateway_emulator, "faults", {"rules": [{"kind": "500_before", "path": "*"}]})

    assert await check_gate(ledger.services, now=clock.now()) is None


async def test_what_others_did_at_the_gateway_before_our_first_account_does_not_stop_us(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    async with backup_of(engine, server=postgres[0]) as url:
        await with_card(ledger, 1, amount=1000)
        await charge_the_month(ledger)
        clock.forward(days=30)
        async with restored(ledger, url) as newcomer:
            await newcomer.account(7)

            assert await check_gate(newcomer.services, now=clock.now()) is None


async def test_what_others_did_just_before_our_first_account_is_neither_forgotten_nor_listed(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    async with backup_of(engine, server=postgres[0]) as url:
        await with_card(ledger, 1, amount=1000)
        await charge_the_month(ledger)
        clock.forward(minutes=1)
        async with restored(ledger, url) as newcomer:
            await newcomer.account(7)
            await check_gate(newcomer.services, now=clock.forward(minutes=1))

            report = await reconcile(newcomer.services, now=clock.now())

            assert (report.transactions, report.listed) == (0, 0)
            assert await find_closed_gate(newcomer.services) is None


async def test_a_start_with_everything_in_memory_leaves_the_gate_open(ledger: Ledger, clock: FakeClock) -> None:
    await with_card(ledger, 1, amount=1000)
    await check_gate(ledger.services, now=clock.now())
    await charge_the_month(ledger)

    assert await check_gate(ledger.services, now=clock.forward(hours=1)) is None


async def test_f68_nothing_is_charged_twice_after_yesterdays_backup_came_back(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    for serial in (1, 2):
        await with_card(ledger, serial, amount=1000 * serial)
    clock.go_to("2026-11-09T10:00")
    async with backup_of(engine, server=postgres[0]) as url:
        clock.go_to("2026-11-10T10:00")
        await charge_the_month(ledger)
        clock.go_to("2026-11-11T10:00")
        async with restored(ledger, url) as after:
            gate = await check_gate(after.services, now=clock.now())
            with pytest.raises(GateClosedError):
                await open_payment_requests(after.services, now=clock.now())
            await with_card(after, 3, amount=3000)
            opening = await open_gate(after.services, by="sato", now=clock.now())
            await charge_the_month(after)

            assert gate is not None
            assert gate.because is ClosedBecause.DATABASE_MOVED
            assert opening.is_open, opening.gap.unexplained
            assert opening.gap.imported == 2
            assert await taken(gateway_emulator) == [1000, 2000, 3000]
            assert [state for _, state in await after.rows(BILLS)] == ["paid", "paid", "paid"]
            assert await find_closed_gate(after.services) is None


async def test_a_charge_that_the_backup_holds_for_not_yet_sent_is_not_sent_again_a_day_later(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_everything(ledger)
        clock.forward(days=2)  # the gateway has forgotten the key by now
        async with restored(ledger, url) as after:
            await charge_everything(after)
            await check_gate(after.services, now=clock.now())
            await charge_everything(after)
            opening = await open_gate(after.services, by="sato", now=clock.now())
            await charge_everything(after)

            assert opening.is_open, opening.gap.unexplained
            assert await taken(gateway_emulator) == [1000]
            assert [state for _, state in await after.rows(BILLS)] == ["paid"]


async def test_a_first_payment_of_the_lost_time_is_found_by_its_order_number(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        cookie = await payer_with_card(ledger)
        await press(ledger, await session_of(ledger, cookie))
        clock.forward(hours=1)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            opening = await open_gate(after.services, by="sato", now=clock.now())

            assert opening.is_open, opening.gap.unexplained
            assert await taken(gateway_emulator) == [8432]
            assert await after.rows(BILLS) == [(account, "paid")]
            assert await after.rows("SELECT state, last4 FROM card_on_file") == [("replaced", "4242")]


async def test_a_database_rolled_back_in_place_is_noticed_by_the_gateways_newer_money(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    await with_card(ledger, 1, amount=1000)
    await open_payment_requests(ledger.services, now=clock.now())
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_everything(ledger)
        async with restored(ledger, url) as after:
            gate = await check_gate(after.services, now=clock.forward(hours=1))

            assert gate is not None
            assert gate.because is ClosedBecause.GATEWAY_IS_NEWER


async def test_f12_a_running_worker_sends_nothing_when_the_database_moves_under_it(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    await open_payment_requests(ledger.services, now=clock.now())
    moved = """UPDATE database_identity SET parts = parts || '{"timeline": "0000FFFF"}'"""
    await ledger.change(moved)

    await charge_everything(ledger)
    taken_before_the_look = await taken(gateway_emulator)
    await GateWatch(services=ledger.services).look(clock.now())

    gate = await find_closed_gate(ledger.services)
    assert taken_before_the_look == []
    assert gate is not None
    assert gate.because is ClosedBecause.DATABASE_MOVED


async def test_a_gateway_that_cannot_be_asked_makes_charging_wait_until_it_can(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await with_card(ledger, 1, amount=1000)
    await control(gateway_emulator, "faults", {"rules": [{"kind": "500_before", "path": "/v1/transactions"}]})
    away = await check_gate(ledger.services, now=clock.now())
    watch = GateWatch(services=ledger.services)
    await watch.look(clock.forward(seconds=5))
    still = await find_closed_gate(ledger.services)
    await control(gateway_emulator, "faults", {"rules": []})

    await watch.look(clock.forward(seconds=5))

    assert away is not None
    assert away.because is ClosedBecause.GATEWAY_NOT_ASKED
    assert still is not None
    assert await find_closed_gate(ledger.services) is None
    await charge_the_month(ledger)
    assert await taken(gateway_emulator) == [1000]


async def test_one_bad_answer_of_the_gateway_closes_no_gate(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await with_card(ledger, 1, amount=1000)
    rule = {"kind": "500_before", "path": "/v1/transactions", "times": 2}
    await control(gateway_emulator, "faults", {"rules": [rule]})

    await check_gate(ledger.services, now=clock.now())

    assert await ledger.rows("SELECT reason FROM charging_stop") == []


async def test_people_are_told_at_once_of_a_gateway_that_cannot_be_asked_and_no_more_once_it_can(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await with_card(ledger, 1, amount=1000)
    await control(gateway_emulator, "faults", {"rules": [{"kind": "500_before", "path": "/v1/transactions"}]})
    await check_gate(ledger.services, now=clock.now())
    told = await ledger.rows("SELECT kind, detail->>'because', done_at IS NULL FROM staff_task")
    await control(gateway_emulator, "faults", {"rules": []})

    await GateWatch(services=ledger.services).look(clock.forward(minutes=5))

    assert told == [("charging_stopped", "gateway_not_asked", True)]
    assert await ledger.rows("SELECT done_by FROM staff_task") == [("restore gate",)]


async def test_a_gateway_that_hangs_does_not_keep_a_process_from_starting(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await with_card(ledger, 1, amount=1000)
    await control(gateway_emulator, "faults", {"rules": [{"kind": "hang", "path": "/v1/transactions"}]})

    await check_gate_at_start(ledger.services, now=clock.now(), seconds=0.2)

    gate = await find_closed_gate(ledger.services)
    assert gate is not None
    assert gate.because is ClosedBecause.GATEWAY_NOT_ASKED


async def test_a_charge_without_a_place_keeps_the_gate_closed_until_it_is_accepted_and_its_account_uncharged(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    for serial in (1, 2):
        await with_card(ledger, serial, amount=1000 * serial)
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_the_month(ledger)
        clock.forward(hours=1)
        async with restored(ledger, url) as after:
            await after.bill(1, "2026-10", 50)  # account 1 now owes another amount than was charged
            await check_gate(after.services, now=clock.now())
            refused = await open_gate(after.services, by="sato", now=clock.now())
            [exception] = refused.gap.unexplained
            opened = await open_gate(
                after.services, by="sato", accept=[exception.id], note="being looked at", now=clock.now()
            )
            await charge_the_month(after)

            assert not refused.is_open
            assert (exception.account_id, exception.amount) == (1, 1000)
            assert opened.is_open
            assert await taken(gateway_emulator) == [1000, 2000]
            await resolve(after, exception.id)
            await charge_the_month(after)
            assert await taken(gateway_emulator) == [1000, 1050, 2000]


async def resolve(ledger: Ledger, exception_id: int) -> None:
    async with transaction(ledger.services.engine) as connection:
        await reconciliation_matching.resolve_exception(
            connection, exception_id=exception_id, by="sato", note="refunded", now=ledger.services.clock.now()
        )


async def test_an_order_number_of_the_lost_time_is_not_given_to_somebody_else(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_the_month(ledger)
        [(lost_number,)] = await ledger.rows("SELECT order_number FROM payment_request")
        clock.forward(hours=1)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())
            await open_gate(after.services, by="sato", now=clock.now())
            await with_card(after, 2, amount=2000)
            await charge_the_month(after)

            numbers = [number for (number,) in await after.rows("SELECT order_number FROM payment_request ORDER BY id")]
            assert numbers[0] == lost_number
            assert int(numbers[1]) > int(lost_number) + 900_000


async def test_an_open_gate_has_nothing_to_import(ledger: Ledger, clock: FakeClock) -> None:
    with pytest.raises(GateIsOpenError):
        await import_gap(ledger.services, now=clock.now())


async def test_importing_twice_imports_once(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any
) -> None:
    await check_gate(ledger.services, now=clock.now())
    await with_card(ledger, 1, amount=1000)
    async with backup_of(engine, server=postgres[0]) as url:
        await charge_the_month(ledger)
        clock.forward(hours=1)
        async with restored(ledger, url) as after:
            await check_gate(after.services, now=clock.now())

            first = await import_gap(after.services, now=clock.now())
            second = await import_gap(after.services, now=clock.now())

            assert (first.imported, second.imported) == (1, 0)
            assert second.unexplained == ()


async def test_a_press_is_refused_while_the_gate_is_closed(
    ledger: Ledger, clock: FakeClock, postgres: tuple[str, str], engine: Any, gateway_emulator: str
) -> None:
    await check_gate(ledger.services, now=clock.now())
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    cookie = await payer_with_card(ledger)
    async with backup_of(engine, server=postgres[0]) as url, restored(ledger, url) as after:
        await check_gate(after.services, now=clock.now())

        await press(after, await session_of(after, cookie))

        assert await taken(gateway_emulator) == []
        assert await after.rows("SELECT id FROM payment_attempt") == []
