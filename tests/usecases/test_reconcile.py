"""The gateway's books against ours: what fits, what is listed for people, what explains itself later (invariant 15)."""

import aiohttp
import pytest

from backend.store import charging_stops, reconciliation_matching
from backend.store.engine import transaction
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.reconcile import reconcile
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

OPEN = "SELECT kind, amount FROM reconciliation_exception WHERE resolved_at IS NULL ORDER BY id"
TASKS = "SELECT kind FROM staff_task WHERE done_at IS NULL ORDER BY id"


@pytest.fixture
async def account(ledger: Ledger, clock: FakeClock) -> int:
    """An account whose November bill waits to be charged."""
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(ledger.services, now=clock.now())
    return account


@pytest.fixture
async def charge(account: int, ledger: Ledger, clock: FakeClock) -> str:
    """The gateway's name of the account's charge, which we have booked."""
    assert account
    await charge_due(ledger.services, now=clock.now())
    [(reference,)] = await ledger.rows("SELECT gateway_reference FROM payment_attempt")
    return str(reference)


async def control(emulator: str, what: str, body: dict[str, object]) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{emulator}/_control/{what}", json=body) as answer:
        assert answer.status < 300, await answer.text()


@pytest.mark.usefixtures("charge")
async def test_every_charge_of_ours_fits(ledger: Ledger, clock: FakeClock) -> None:
    report = await reconcile(ledger.services, now=clock.forward(hours=2))

    assert (report.fitting, report.listed, report.transactions) == (1, 0, 1)
    assert await ledger.rows(OPEN) == []


@pytest.mark.usefixtures("charge")
async def test_walking_twice_lists_and_copies_once(ledger: Ledger, clock: FakeClock) -> None:
    await reconcile(ledger.services, now=clock.forward(hours=2))
    again = await reconcile(ledger.services, now=clock.forward(hours=2))

    assert (again.fitting, again.transactions) == (1, 0)
    assert await ledger.rows("SELECT count(*) FROM gateway_transaction") == [(1,)]


@pytest.mark.usefixtures("account")
async def test_f23_a_lost_answer_is_found_in_the_books_and_booked_in_the_ordinary_way(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_after", "times": 1}
    await control(gateway_emulator, "faults", {"rules": [rule]})
    await charge_due(ledger.services, now=clock.now())

    report = await reconcile(ledger.services, now=clock.forward(hours=2))

    assert (report.asked_again, report.fitting, report.listed) == (1, 1, 0)
    assert await ledger.rows("SELECT state FROM bill") == [("paid",)]
    assert await ledger.rows("SELECT source FROM payment_evidence WHERE outcome = 'succeeded'") == [("look_up",)]


@pytest.mark.leaves_violations("the attempt is taken out of the ledger on purpose")
async def test_f68_a_charge_of_an_attempt_that_we_do_not_have_is_listed_and_stops_charging(
    charge: str, ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.forget("DELETE FROM bill_claim", "DELETE FROM payment_evidence", "DELETE FROM payment_attempt")

    await reconcile(ledger.services, now=clock.forward(hours=2))

    async with transaction(ledger.services.engine) as connection:
        [found] = await reconciliation_matching.open_exceptions(connection)
        [stop] = await charging_stops.open_stops(connection)
    assert (found.kind, found.reference, found.is_blocking) == ("missing_locally", charge, True)
    assert (stop.reason, stop.scope) == ("restore_gate", "all")
    assert await ledger.rows(TASKS) == [("restore_gate_closed",), ("reconciliation_exception",)]


@pytest.mark.leaves_violations("a payment is invented on purpose")
@pytest.mark.usefixtures("account")
async def test_a_payment_that_the_gateway_does_not_list_is_listed_after_an_hour(
    ledger: Ledger, clock: FakeClock
) -> None:
    paid = "UPDATE payment_attempt SET state = 'succeeded', settled_at = :now, gateway_reference = 'ch_invented'"
    await ledger.change(paid, now=clock.now())

    early = await reconcile(ledger.services, now=clock.forward(minutes=30))
    late = await reconcile(ledger.services, now=clock.forward(minutes=31))

    assert (early.listed, late.listed) == (0, 1)
    assert await ledger.rows(OPEN) == [("missing_at_gateway", 8432)]


@pytest.mark.usefixtures("charge")
async def test_what_was_listed_late_closes_its_exception_and_its_task(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await control(gateway_emulator, "faults", {"list_lag_seconds": 7200})
    lagging = await reconcile(ledger.services, now=clock.forward(minutes=90))
    open_then = await ledger.rows(OPEN)
    await control(gateway_emulator, "faults", {"list_lag_seconds": 0})

    caught_up = await reconcile(ledger.services, now=clock.forward(hours=3))

    assert open_then == [("missing_at_gateway", 8432)]
    assert (lagging.listed, caught_up.explained) == (1, 1)
    assert await ledger.rows(OPEN) == []
    assert await ledger.rows(TASKS) == []


@pytest.mark.leaves_violations("the gateway's charge is made to differ on purpose")
async def test_another_amount_at_the_gateway_is_listed(charge: str, ledger: Ledger, clock: FakeClock) -> None:
    await reconcile(ledger.services, now=clock.forward(hours=2))
    await ledger.change("UPDATE gateway_transaction SET amount = 9999 WHERE charge_reference = :charge", charge=charge)

    await reconcile(ledger.services, now=clock.forward(hours=2))

    assert await ledger.rows(OPEN) == [("amount_differs", 9999)]


@pytest.mark.usefixtures("charge")
async def test_a_charge_that_was_paid_out_fits(ledger: Ledger, clock: FakeClock) -> None:
    report = await reconcile(ledger.services, now=clock.forward(days=40))

    assert (report.settlements, report.listed) == (1, 0)


@pytest.mark.usefixtures("charge")
async def test_a_charge_that_no_payout_holds_is_listed_after_35_days(ledger: Ledger, clock: FakeClock) -> None:
    await reconcile(ledger.services, now=clock.forward(hours=2))
    await ledger.change("UPDATE gateway_transaction SET line_reference = 'txn_never_paid_out'")

    early = await reconcile(ledger.services, now=clock.go_to("2026-12-14T10:00"), since=clock.forward(days=-1))
    late = await reconcile(ledger.services, now=clock.go_to("2026-12-16T10:00"), since=clock.forward(days=-1))

    assert (early.listed, late.listed) == (0, 1)
    assert await ledger.rows(OPEN) == [("not_settled", 8432)]


@pytest.mark.usefixtures("charge")
async def test_a_payout_of_a_movement_that_was_never_listed_is_listed(ledger: Ledger, clock: FakeClock) -> None:
    await reconcile(ledger.services, now=clock.forward(days=7))
    await ledger.change("UPDATE settlement_line SET line_reference = 'txn_never_listed'")

    await reconcile(ledger.services, now=clock.now(), since=clock.now())

    assert await ledger.rows(OPEN) == [("settled_unseen", 8432)]


async def test_f32_a_refund_at_the_gateways_console_becomes_a_row_and_a_task(
    charge: str, ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await control(gateway_emulator, f"charges/{charge}/refund", {"amount": 8432})

    report = await reconcile(ledger.services, now=clock.forward(hours=2))

    assert (report.fitting, report.listed) == (2, 0)
    assert await ledger.rows("SELECT origin, state, amount FROM refund") == [("console", "succeeded", 8432)]
    assert len(await ledger.rows(TASKS)) == 1


async def test_f32_a_chargeback_becomes_a_row_and_a_task(
    charge: str, ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await control(gateway_emulator, f"charges/{charge}/dispute", {"amount": 8432, "reason": "fraudulent"})

    report = await reconcile(ledger.services, now=clock.forward(hours=2))

    assert (report.fitting, report.listed) == (2, 0)
    assert await ledger.rows("SELECT state, amount FROM dispute") == [("open", 8432)]
    assert len(await ledger.rows(TASKS)) == 1


async def test_an_exception_that_a_person_has_ended_is_not_found_again(
    charge: str, ledger: Ledger, clock: FakeClock
) -> None:
    await reconcile(ledger.services, now=clock.forward(hours=2))
    await ledger.change("UPDATE gateway_transaction SET amount = 9999 WHERE charge_reference = :charge", charge=charge)
    await reconcile(ledger.services, now=clock.forward(hours=1))
    async with transaction(ledger.services.engine) as connection:
        [found] = await reconciliation_matching.open_exceptions(connection)
        await reconciliation_matching.resolve_exception(
            connection, exception_id=found.id, by="sato", note="the gateway corrected it", now=clock.now()
        )

    await reconcile(ledger.services, now=clock.forward(hours=1))

    assert await ledger.rows(OPEN) == []
    assert await ledger.rows(TASKS) == []


async def test_a_system_without_accounts_reads_nothing_of_what_others_did(ledger: Ledger, clock: FakeClock) -> None:
    report = await reconcile(ledger.services, now=clock.now())

    assert (report.transactions, report.listed) == (0, 0)


@pytest.mark.leaves_violations("the attempt is taken out of the ledger on purpose")
@pytest.mark.usefixtures("charge")
async def test_what_an_old_walk_has_found_is_not_explained_by_the_next_one_that_looks_less_far(
    ledger: Ledger, clock: FakeClock
) -> None:
    await ledger.forget("DELETE FROM bill_claim", "DELETE FROM payment_evidence", "DELETE FROM payment_attempt")
    long_ago = clock.now()
    clock.forward(days=200)
    await reconcile(ledger.services, now=clock.now(), since=long_ago)

    report = await reconcile(ledger.services, now=clock.forward(days=1))

    assert report.explained == 0
    assert await ledger.rows(OPEN) == [("missing_locally", 8432)]


@pytest.mark.leaves_violations("a payment is invented on purpose")
@pytest.mark.usefixtures("account")
async def test_a_walk_through_an_older_time_ends_nothing_that_is_newer(ledger: Ledger, clock: FakeClock) -> None:
    first_day = clock.now()
    clock.forward(days=5)
    paid = "UPDATE payment_attempt SET state = 'succeeded', settled_at = :now, gateway_reference = 'ch_invented'"
    await ledger.change(paid, now=clock.now())
    await reconcile(ledger.services, now=clock.forward(hours=2))

    await reconcile(ledger.services, now=clock.now(), since=first_day, until=first_day.replace(hour=23))

    assert await ledger.rows(OPEN) == [("missing_at_gateway", 8432)]
