"""--amend: a bill that was billed anew replaces the old one, but never where money may be moving."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.usecases.importing.bill_files import execute, import_lines, line, other_line, query, reasons

pytestmark = pytest.mark.leaves_violations("requests and attempts are written by hand, as far as the import reads them")

_BILLS = "SELECT amount, state FROM bill ORDER BY id"


async def _request_bills(engine: AsyncEngine, *, older: bool = False) -> None:
    """Both bills of the first customer lie in one open request with a URL, as `open_payment_requests` leaves them."""
    await execute(
        engine,
        "UPDATE bill SET state = 'requested'",
        """INSERT INTO card_change_request (account_id, state, received_at)
            SELECT min(id), 'link_sent', now() FROM account""",
        """INSERT INTO payment_request (account_id, order_number, amount, bill_count, state, way, card_change_id,
              opened_at, valid_until)
            SELECT min(a.id), 'OLD', 1, 1, CAST(:older AS text), 'link', NULL, now(), now()
            FROM account a
            UNION ALL SELECT min(a.id), 'LIVE', 17080, 2, 'open', 'link', min(c.id), now(), now()
            FROM account a, card_change_request c""",
        "INSERT INTO payment_request_bill SELECT r.id, b.id, r.order_number = 'LIVE' FROM payment_request r, bill b",
        """INSERT INTO payment_link (request_id, token_hash, state, created_at)
            SELECT id, 'x', 'active', now() FROM payment_request WHERE order_number = 'LIVE'""",
        """INSERT INTO notice (dedupe_key, kind, channel, address, request_id, state, created_at, not_before)
            SELECT k, 'reminder', 'sms', '+819010000001', r.id, k, now(), now()
            FROM payment_request r, unnest(ARRAY['queued', 'sent']) k WHERE order_number = 'LIVE'""",
        older="expired" if older else "void",
    )


async def _attempt_payment(engine: AsyncEngine, *, state: str) -> None:
    await execute(
        engine,
        """INSERT INTO card_on_file (account_id, gateway, customer_reference, card_reference, brand, last4, exp_year,
              exp_month, fingerprint, three_ds_result, state, authenticated_at, consented_at, created_at)
            SELECT min(id), 'sandbox', 'c', 'c', 'visa', '4242', 2030, 1, 'f', 'ok', 'active', now(), now(), now()
            FROM account""",
        """WITH tried AS (
              INSERT INTO payment_attempt (id, request_id, ordinal, transaction_id, origin, state, card_id, amount,
                gateway, charge_request, created_at, not_before)
              SELECT gen_random_uuid(), r.id, 1, 'T1', 'link', CAST(:state AS text), c.id, r.amount, 'sandbox', '{}',
                now(), now()
              FROM payment_request r, card_on_file c WHERE r.order_number = 'LIVE' RETURNING id, request_id, state)
            INSERT INTO bill_claim (bill_id, attempt_id)
            SELECT m.bill_id, tried.id FROM tried JOIN payment_request_bill m USING (request_id)
            WHERE tried.state NOT IN ('declined', 'withdrawn')""",
        state=state,
    )


@pytest.mark.parametrize("state", ["finalized", "carried_over"])
async def test_a_waiting_bill_is_replaced_by_a_new_row(engine: AsyncEngine, tmp_path: Path, state: str) -> None:
    await import_lines(engine, tmp_path, line(), other_line(2))
    await execute(engine, "UPDATE bill SET state = :state", state=state)

    report = await import_lines(engine, tmp_path, line(amount="9000"), other_line(2), other_line(3), amend=True)

    assert (report.amended_bills, report.unchanged_bills, report.new_bills) == (1, 1, 1)
    assert await query(engine, _BILLS) == [(8540, "void"), (8540, state), (9000, state), (8540, "finalized")]


async def test_amending_again_with_the_same_file_changes_nothing(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())
    await import_lines(engine, tmp_path, line(amount="9000"), amend=True)

    report = await import_lines(engine, tmp_path, line(amount="9000"), amend=True)

    assert (report.amended_bills, report.unchanged_bills) == (0, 1)


async def test_a_new_bill_number_for_the_same_month_replaces_the_old_bill(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())

    report = await import_lines(engine, tmp_path, line(bill_number="B2611-001-2"), amend=True)

    assert report.amended_bills == 1
    assert await query(engine, "SELECT bill_number FROM bill WHERE state <> 'void'") == [("B2611-001-2",)]


@pytest.mark.parametrize(("older", "state"), [(True, "carried_over"), (False, "finalized")])
async def test_the_open_request_of_an_amended_bill_is_undone(
    engine: AsyncEngine, tmp_path: Path, *, older: bool, state: str
) -> None:
    december = line(billing_month="2026-12", bill_number="B2612-001")
    await import_lines(engine, tmp_path, line(), december)
    await _request_bills(engine, older=older)

    report = await import_lines(engine, tmp_path, line(amount="9000"), december, amend=True)

    assert (report.amended_bills, report.undone_requests, report.unchanged_bills) == (1, 1, 1)
    assert await query(engine, _BILLS) == [(8540, "void"), (8540, state), (9000, state)]
    assert await query(
        engine, "SELECT state, closed_at IS NOT NULL FROM payment_request WHERE order_number = 'LIVE'"
    ) == [("void", True)]
    assert await query(engine, "SELECT state FROM payment_link") == [("superseded",)]
    assert await query(engine, "SELECT 1 FROM payment_request_bill WHERE is_live") == []
    assert await query(engine, "SELECT state FROM card_change_request") == [("received",)]
    assert await query(engine, "SELECT dedupe_key, state, failure FROM notice ORDER BY 1") == [
        ("queued", "failed", "request_void"),
        ("sent", "sent", None),
    ]


@pytest.mark.parametrize("state", ["prepared", "sent", "challenged", "unknown"])
async def test_nothing_is_amended_while_a_payment_is_under_way(engine: AsyncEngine, tmp_path: Path, state: str) -> None:
    await import_lines(engine, tmp_path, line())
    await _request_bills(engine)
    await _attempt_payment(engine, state=state)

    report = await import_lines(engine, tmp_path, line(amount="9000"), amend=True)

    assert reasons(report) == [(2, "amount", "being_paid")]
    assert await query(engine, _BILLS) == [(8540, "requested")]


async def test_a_declined_payment_does_not_stand_in_the_way(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())
    await _request_bills(engine)
    await _attempt_payment(engine, state="declined")

    report = await import_lines(engine, tmp_path, line(amount="9000"), amend=True)

    assert (report.amended_bills, report.undone_requests) == (1, 1)


@pytest.mark.parametrize(("state", "code"), [("paid", "already_paid"), ("held", "being_paid")])
async def test_a_paid_or_held_bill_is_never_amended(engine: AsyncEngine, tmp_path: Path, state: str, code: str) -> None:
    await import_lines(engine, tmp_path, line())
    await execute(engine, "UPDATE bill SET state = :state", state=state)

    report = await import_lines(engine, tmp_path, line(amount="9000"), amend=True)

    assert reasons(report) == [(2, "amount", code)]
    assert await query(engine, _BILLS) == [(8540, state)]


async def test_a_request_that_is_closing_is_left_alone(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())
    await _request_bills(engine)
    await execute(engine, "UPDATE payment_request SET state = 'closing' WHERE order_number = 'LIVE'")

    report = await import_lines(engine, tmp_path, line(amount="9000"), amend=True)

    assert reasons(report) == [(2, "amount", "being_paid")]


async def test_a_paid_bill_in_the_same_file_is_simply_unchanged(engine: AsyncEngine, tmp_path: Path) -> None:
    await import_lines(engine, tmp_path, line())
    await execute(engine, "UPDATE bill SET state = 'paid'")

    report = await import_lines(engine, tmp_path, line(), amend=True)

    assert (report.refusals, report.unchanged_bills) == ((), 1)
