"""A customer pays an old slip at the bank or in a shop, with a payment URL in the hand all the while."""

from datetime import date

from backend.domain.states import ReceiptKind
from backend.usecases.decide_receipt import approve_receipt, reject_receipt
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.record_receipt import NewReceipt, record_receipt
from tests.kit.customer import Customer
from tests.kit.world import World
from tests.stories.conftest import Begin

CHECKING = "カード以外の方法でのご入金を確認しています。二重に請求されることはありません。"


async def record_november(hanako: Customer) -> int:
    services = hanako.world.parts.services
    receipt = NewReceipt(
        bill_number=f"B{hanako.number}202611",
        kind=ReceiptKind.SHOP,
        reference="S-1",
        amount=8432,
        received_on=date(2026, 11, 10),
        recorded_by="佐藤",
    )
    recorded = await record_receipt(services, receipt, now=services.clock.now())
    assert isinstance(recorded, int), recorded
    return recorded


async def approve(world: World, receipt: int) -> None:
    services = world.parts.services
    await approve_receipt(services, receipt_id=receipt, person="鈴木", now=services.clock.now())
    await world.rest()


async def test_a_slip_paid_in_a_shop_ends_the_url_and_page_and_bot_say_so(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()
    open_page = await hanako.enter_card(url)

    receipt = await record_november(hanako)
    checked = await world.browser().open(url)
    await open_page.press("お支払い")
    answer = await hanako.say("お支払い状況")
    await world.go_to("2026-11-15T10:00")
    await approve(world, receipt)
    paid = await world.browser().open(url)
    told = (await hanako.inbox())[-1]

    for said in (checked.text, open_page.text, answer):
        assert CHECKING in said
    assert "お支払いは完了しています" in paid.text
    assert "カードへのご請求はありません" in paid.text
    assert "ご入金を確認しました" in told
    assert "8,432円" in told
    assert "済" in await hanako.say("お支払い状況")
    assert await world.charges() == []
    assert await hanako.urls() == [url]  # nobody was reminded
    assert await world.rows("SELECT state FROM bill") == [("paid",)]


async def test_of_two_months_the_one_paid_at_the_bank_leaves_a_new_url_for_the_other(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await world.import_bills(hanako.bill("2026-12", 9120, confirmed="2026-11-10"))
    await world.rest()
    both = (await hanako.urls())[-1]

    await approve(world, await record_november(hanako))
    services = world.parts.services
    await open_payment_requests(services, now=services.clock.now())
    await world.rest()
    old = await world.browser().open(both)
    done = await hanako.pay((await hanako.urls())[-1])

    assert "新しいURLをお使いください" in old.text
    assert "9,120円" in done.text
    assert await world.succeeded() == [9120]
    assert await world.rows("SELECT state FROM bill") == [("paid",), ("paid",)]


async def test_a_receipt_that_was_for_somebody_else_leaves_the_url_payable(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()

    services, receipt = world.parts.services, await record_november(hanako)
    await reject_receipt(services, receipt_id=receipt, person="佐藤", now=services.clock.now())
    await hanako.pay(url)

    assert await world.succeeded() == [8432]
    assert await world.rows("SELECT state FROM bill") == [("paid",)]
