"""The gateway's notifications, shuffled and doubled, lead to the same ledger (money.md, invariant 14; f26, f54)."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from backend.store.engine import make_engine
from backend.store.inbox import InboxEvent
from backend.usecases.receive_gateway_event import receive_gateway_event
from backend.usecases.services import Services
from tests.kit.customer import Customer
from tests.kit.databases import cloned_database
from tests.kit.verification import must_verify
from tests.kit.world import World

DECLINED = "4000000000000341"
EVENTS = """SELECT id, source, event_id, order_key, body, attempts, occurred_at, received_at FROM inbox_event
WHERE source = 'gateway' ORDER BY id"""
LEDGER = (
    "SELECT id, state FROM bill ORDER BY id",
    "SELECT id, state, amount FROM payment_request ORDER BY id",
    "SELECT transaction_id, state, gateway_reference, decline_class FROM payment_attempt ORDER BY transaction_id",
    "SELECT bill_id, attempt_id FROM bill_claim ORDER BY bill_id",
    "SELECT card_reference, state FROM card_on_file ORDER BY id",
    "SELECT gateway_reference, state, amount FROM refund ORDER BY gateway_reference",
    "SELECT gateway_reference, state, amount FROM dispute ORDER BY gateway_reference",
    "SELECT kind, channel, request_id, state FROM notice ORDER BY kind, channel, request_id",
    "SELECT kind, count(*) FROM staff_task GROUP BY kind ORDER BY kind",
)


async def live_a_month(world: World) -> None:
    """One payment each: told at once, answer lost, declined and late after all, given back, charged back, declined.

    The notifications of it are in the inbox, and nobody has worked on them.
    """
    people = [
        Customer(world=world, number=f"{serial:010d}", phone=f"0901234000{serial}", line_user=None)
        for serial in range(1, 7)
    ]
    gateway = world.settings.sandbox_gateway_base
    await world.control(gateway, "webhooks", {"enabled": False})
    await world.import_bills(*(each.bill("2026-11", 8000, confirmed="2026-11-08") for each in people))
    await world.go_to("2026-11-10T10:00")
    told, lost, late, refunded, disputed, declined = people
    for each in (told, refunded, disputed):
        await press(each)
    for each in (late, declined):
        await press(each, card=DECLINED)
    rule = {"path": "/v1/charges", "method": "POST", "kind": "drop_after", "times": 1}
    await world.control(gateway, "faults", {"rules": [rule]})
    await press(lost)
    by_person = {charge["reference"]: charge["id"] for charge in await world.charges()}
    order = {
        row.customer_number: row.order_number
        for row in await world.rows(
            "SELECT a.customer_number, r.order_number FROM payment_request r JOIN account a ON a.id = r.account_id"
        )
    }
    await world.control(gateway, f"charges/{by_person[order[late.number]]}/late_success", {})
    await world.control(gateway, f"charges/{by_person[order[refunded.number]]}/refund", {"amount": 8000})
    await world.control(gateway, f"charges/{by_person[order[disputed.number]]}/dispute", {})
    await world.control(gateway, "webhooks", {"enabled": True})
    await world.control(gateway, "webhooks/flush", {})


async def press(customer: Customer, **card: str) -> None:
    browser = await customer.enter_card((await customer.urls())[0], **card)
    await browser.press("お支払い")


@asynccontextmanager
async def copy_of(world: World, postgres: tuple[str, str]) -> AsyncIterator[Services]:
    """The product on a copy of the world's database as it is now; the gateway is the same one."""
    engine = world.parts.services.engine
    await engine.dispose()  # a database is copied while nobody looks at it
    async with cloned_database(postgres[0], str(engine.url.database)) as url:
        copied = make_engine(url)
        yield replace(world.parts.services, engine=copied)
        await copied.dispose()


async def ledger_after(services: Services, events: Sequence[InboxEvent]) -> list[list[tuple[Any, ...]]]:
    now = services.clock.now()
    for event in events:
        await receive_gateway_event(services, event, now=now)
    await must_verify(services.engine, now=now, has_workers=False)
    async with services.engine.begin() as connection:
        return [[tuple(row) for row in await connection.execute(text(query))] for query in LEDGER]


@pytest.fixture
async def events(world: World) -> list[InboxEvent]:
    await live_a_month(world)
    return [InboxEvent(**row._mapping) for row in await world.rows(EVENTS)]  # noqa: SLF001 - SQLAlchemy's own name


async def test_the_gateways_events_in_any_order_and_twice_lead_to_the_same_ledger(
    world: World, postgres: tuple[str, str], events: list[InboxEvent]
) -> None:
    async with copy_of(world, postgres) as services:
        in_order = await ledger_after(services, events)
    for seed in range(3):
        shuffled = random.Random(seed).sample(events * 2, 2 * len(events))  # noqa: S311 - the seed names the order
        async with copy_of(world, postgres) as services:
            assert await ledger_after(services, shuffled) == in_order, f"seed {seed}"
    async with copy_of(world, postgres) as services:
        assert await ledger_after(services, events[::-1]) == in_order

    kinds = {str(event.body["type"]) for event in events}
    attempts = sorted(row[1] for row in in_order[2])
    assert {"charge.succeeded", "charge.declined", "refund.succeeded", "dispute.opened"} <= kinds, kinds
    assert attempts == ["declined", *["succeeded"] * 5]
    assert sorted(state for _, state in in_order[0]) == ["disputed", "paid", "paid", "paid", "refunded", "requested"]
