"""Money goes back through the public doors: the customer reads one message, and page and books agree (f32, f33)."""

from typing import Any

from backend.usecases.refund_payment import RefundTaken, approve_refund, request_refund
from tests.kit.customer import Customer
from tests.kit.world import World
from tests.stories.conftest import Begin

ONE = "SELECT transaction_id FROM payment_attempt WHERE state = 'succeeded' ORDER BY created_at LIMIT 1"


async def paid_november(world: World, hanako: Customer, given: Begin) -> str:
    """Paid by URL; returns the URL."""
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()
    await hanako.pay(url)
    await world.rest()
    return str(url)


async def refunds(world: World) -> list[dict[str, Any]]:
    return list((await world.truth(world.settings.sandbox_gateway_base, "truth?parts=refunds"))["refunds"])


async def test_a_refund_on_two_persons_word_reaches_the_card_the_customer_and_the_page(
    world: World, hanako: Customer, given: Begin
) -> None:
    url = await paid_november(world, hanako, given)
    services = world.parts.services
    [(transaction_id,)] = await world.rows(ONE)

    asked = await request_refund(
        services, transaction_id=transaction_id, amount=None, reason="x", by="佐藤", now=services.clock.now()
    )
    assert isinstance(asked, RefundTaken)
    await approve_refund(services, refund_id=asked.refund_id, by="鈴木", now=services.clock.now())
    await world.rest()

    told = [text for text in await hanako.inbox() if "返金" in text]
    assert [refund["amount"] for refund in await refunds(world)] == [8432]
    assert len(told) == 1
    assert "8,432円" in told[0]
    assert "返金済み" in (await world.browser().open(url)).text
    assert await world.rows("SELECT kind FROM staff_task") == []


async def test_a_refund_at_the_console_comes_by_webhook_and_the_next_month_goes_on(
    world: World, hanako: Customer, given: Begin
) -> None:
    await paid_november(world, hanako, given)
    gateway = world.settings.sandbox_gateway_base
    [charge] = await world.charges()

    await world.control(gateway, f"charges/{charge['id']}/refund", {"amount": 432})
    await world.rest()
    await world.go_to("2026-12-10T10:00")
    await world.rest()

    assert await world.rows("SELECT origin, state, amount FROM refund") == [("console", "succeeded", 432)]
    assert await world.rows("SELECT kind FROM staff_task") == [("refund_at_gateway",)]
    assert await world.succeeded() == [8432, 9120]


async def test_a_chargeback_stops_charging_by_itself_and_the_next_month_comes_by_url(
    world: World, hanako: Customer, given: Begin
) -> None:
    await paid_november(world, hanako, given)
    gateway = world.settings.sandbox_gateway_base
    [charge] = await world.charges()

    await world.control(gateway, f"charges/{charge['id']}/dispute", {})
    await world.rest()
    await world.go_to("2026-12-10T10:00")
    await world.rest()
    by_url = await hanako.urls()
    await hanako.pay(by_url[-1])

    assert await world.rows("SELECT state FROM bill ORDER BY id") == [("disputed",), ("paid",)]
    assert len(by_url) == 2
    assert await world.succeeded() == [8432, 9120]
    assert await world.rows("SELECT kind FROM staff_task") == [("dispute_opened",)]
