"""A few months of life leave a complete, truthful and unchangeable history of who moved what, why (invariant 19)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from app.receipt_desk import OpenServices, approve_command, record_command
from app.refund_desk import approve_command as approve_refund_command
from app.refund_desk import request_command as request_refund_command
from backend.domain.states import ReceiptKind
from backend.store.engine import transaction
from backend.store.history import steps_of
from backend.usecases.record_receipt import NewReceipt
from backend.usecases.services import Services
from tests.kit.customer import Customer
from tests.kit.world import World

INSUFFICIENT = "4000000000009987"  # the first charge succeeds, later ones are declined

BY_PAYER = "payer, POST /pay/{order_number}/confirm"
NOVEMBER = [
    "bill nothing > finalized: began",
    "payment_request nothing > open: began",
    "bill finalized > requested: timetable, open",
    "card_on_file nothing > pending: began",
    "payment_attempt nothing > prepared: began",
    f"payment_attempt prepared > sent: {BY_PAYER}",
    f"payment_attempt sent > succeeded: {BY_PAYER}, charge",
    f"payment_request open > settled: {BY_PAYER}, charge",
    f"bill requested > paid: {BY_PAYER}, charge",
    f"card_on_file pending > active: {BY_PAYER}, charge",
    "refund nothing > requested: 佐藤, requested",
    "refund requested > prepared: 鈴木, approved",
    "refund sent > succeeded: gateway, refund",
    "bill paid > refunded: worker, refunds",
]
DECEMBER = [
    "bill nothing > finalized: began",
    "card_on_file nothing > pending: began",
    f"card_on_file pending > active: {BY_PAYER}, charge",
    "payment_request nothing > open: began",
    "payment_attempt nothing > prepared: began",
    "bill finalized > requested: timetable, open",
    "payment_attempt prepared > sent: worker, charges",
    "payment_attempt sent > declined: worker, charges, charge",
    "payment_request open > closing: timetable, expire",
    "payment_request closing > expired: timetable, expire",
    "bill requested > carried_over: timetable, expire",
    "bill carried_over > paid: staff:鈴木, receipt approve",
]


def desk(world: World) -> OpenServices:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield world.parts.services

    return opened


async def live(world: World) -> None:
    """November paid by URL and given back; December declined, expired, and paid at the bank."""
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0], card=INSUFFICIENT)
    await world.go_to("2026-12-10T10:00")
    await world.rest()
    await world.go_to("2026-12-21T00:30")
    await pay_december_at_the_bank(world)
    [(transaction_id,)] = await world.rows("SELECT transaction_id FROM payment_attempt WHERE state = 'succeeded'")
    await request_refund_command(transaction_id, amount=None, reason="x", by="佐藤", open_services=desk(world))
    [(refund,)] = await world.rows("SELECT id FROM refund")
    await approve_refund_command(refund, by="鈴木", open_services=desk(world))
    await world.rest()


async def pay_december_at_the_bank(world: World) -> None:
    [(bill_number,)] = await world.rows("SELECT bill_number FROM bill WHERE billing_month = '2026-12'")
    receipt = NewReceipt(
        bill_number=bill_number,
        kind=ReceiptKind.BANK,
        reference="F-1",
        amount=9120,
        received_on=date(2026, 12, 20),
        recorded_by="佐藤",
    )
    await record_command(receipt, open_services=desk(world))
    [(number,)] = await world.rows("SELECT id FROM receipt")
    await approve_command(number, by="鈴木", open_services=desk(world))


async def told(world: World, month: str) -> list[str]:
    """The order's history of money without times: what moved, by whom, whether on the gateway's word."""
    [(order_number,)] = await world.rows(
        """SELECT r.order_number FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id
        JOIN bill b ON b.id = m.bill_id WHERE b.billing_month = :month""",
        month=month,
    )
    async with transaction(world.parts.services.engine) as connection:
        steps = await steps_of(connection, order_number=order_number)
    return [
        f"{each.entity} {each.state_before or 'nothing'} > {each.state_after}: {each.actor or 'began'}"
        + (f", {each.cause}" if each.cause else "")
        + (f", {each.evidence_source}" if each.evidence_source else "")
        for each in steps
        if each.entity != "notice"
    ]


async def test_every_change_of_money_says_who_moved_it_why_and_on_whose_word(world: World) -> None:
    await live(world)

    assert await told(world, "2026-11") == NOVEMBER
    assert await told(world, "2026-12") == DECEMBER
