"""Short ways to a paid attempt, to its refund, and to what the gateway really gave back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp

from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.refund_payment import RefundTaken, approve_refund, request_refund
from backend.usecases.send_refunds import resolve_due_refunds, send_due_refunds
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger

STATES = "SELECT state FROM refund ORDER BY created_at, id"
TASKS = "SELECT kind FROM staff_task ORDER BY id"
REFUND_NOTICES = "SELECT facts->>'refund_amount' FROM notice WHERE kind = 'refunded' ORDER BY id"
ASKER, APPROVER = "sato", "suzuki"


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One account whose November was charged to its card."""

    account_id: int
    attempt_id: UUID
    transaction_id: str
    charge: str  # the gateway's


async def paid_bill(ledger: Ledger, clock: FakeClock, *, amount: int = 8432) -> Paid:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", amount)
    await open_payment_requests(ledger.services, now=clock.now())
    await charge_due(ledger.services, now=clock.now())
    [(attempt_id, transaction_id, charge)] = await ledger.rows(
        "SELECT id, transaction_id, gateway_reference FROM payment_attempt WHERE state = 'succeeded'"
    )
    return Paid(account_id=account, attempt_id=attempt_id, transaction_id=transaction_id, charge=charge)


async def asked(
    ledger: Ledger, transaction_id: str, *, amount: int | None = None, by: str = ASKER, reason: str = "billed twice"
) -> UUID:
    """A refund that waits for the second person."""
    taken = await request_refund(
        ledger.services,
        transaction_id=transaction_id,
        amount=amount,
        reason=reason,
        by=by,
        now=ledger.services.clock.now(),
    )
    assert isinstance(taken, RefundTaken), taken
    return taken.refund_id


async def approved(ledger: Ledger, transaction_id: str, *, amount: int | None = None) -> UUID:
    """A refund that waits for a worker."""
    refund_id = await asked(ledger, transaction_id, amount=amount)
    taken = await approve_refund(ledger.services, refund_id=refund_id, by=APPROVER, now=ledger.services.clock.now())
    assert isinstance(taken, RefundTaken), taken
    return refund_id


async def work(ledger: Ledger) -> int:
    """What a worker would do for refunds now."""
    now = ledger.services.clock.now()
    return await send_due_refunds(ledger.services, now=now) + await resolve_due_refunds(ledger.services, now=now)


async def told(emulator: str, what: str, body: dict[str, object]) -> Any:
    """One call of the gateway's control, such as a refund at its console."""
    async with aiohttp.ClientSession() as session, session.post(f"{emulator}/_control/{what}", json=body) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def given_back(emulator: str) -> list[int]:
    """The amounts of the refunds that the gateway really made, in order."""
    async with aiohttp.ClientSession() as session, session.get(f"{emulator}/_control/truth?parts=refunds") as answer:
        return [refund["amount"] for refund in (await answer.json())["refunds"]]


async def ids(emulator: str, part: str) -> list[str]:
    """The gateway's ids of its charges, refunds or disputes, in order."""
    async with aiohttp.ClientSession() as session, session.get(f"{emulator}/_control/truth?parts={part}") as answer:
        return [row["id"] for row in (await answer.json())[part]]
