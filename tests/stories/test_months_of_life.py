"""Months of life through the public doors: imports, messages, pages, the calendar (stories a-g of the issue)."""

from tests.kit.customer import Customer
from tests.kit.world import World
from tests.stories.conftest import Begin

INSUFFICIENT = "4000000000009987"  # the first charge succeeds, later ones are declined


async def test_r04_the_first_month_is_paid_by_url_and_the_second_by_itself(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )

    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()
    done = await hanako.pay(url)
    paid = (await hanako.inbox())[-1]
    await world.go_to("2026-12-10T10:00")
    await world.rest()

    assert "8,432円" in done.text
    assert "8,432円" in paid
    assert await world.succeeded() == [8432, 9120]
    assert len(await hanako.urls()) == 1
    assert "9,120円" in (await hanako.inbox())[-1]
    assert await world.rows("SELECT state FROM bill") == [("paid",), ("paid",)]


async def test_r06_r07_an_expired_url_becomes_one_url_and_one_charge_for_two_months(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-15T10:00")
    await world.go_to("2026-11-18T10:00")
    told = await hanako.urls()
    old_url = told[0]
    await world.go_to("2026-11-21T00:00")
    expired = await world.browser().open(old_url)

    await world.go_to("2026-12-10T10:00")
    new_url = (await hanako.urls())[-1]
    await hanako.pay(new_url)

    assert told == [old_url] * 3
    assert "12月10日" in expired.text
    assert expired.buttons == []
    assert new_url != old_url
    assert await world.succeeded() == [17552]
    assert await world.rows("SELECT state FROM bill") == [("paid",), ("paid",)]


async def test_a_declined_automatic_charge_is_paid_by_url_and_the_next_month_runs_by_itself_again(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"),
        hanako.bill("2026-12", 9120, confirmed="2026-12-08"),
        hanako.bill("2027-01", 9900, confirmed="2027-01-08"),
    )
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0], card=INSUFFICIENT)

    await world.go_to("2026-12-10T10:00")
    await world.rest()
    after_decline = await world.succeeded()
    await hanako.pay((await hanako.urls())[-1])
    await world.go_to("2027-01-10T10:00")
    await world.rest()

    assert after_decline == [8432]
    assert len(await hanako.urls()) == 2
    assert await world.succeeded() == [8432, 9120, 9900]


async def test_r09_r10_a_card_change_brings_a_url_with_the_next_confirmed_bill(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"),
        hanako.bill("2026-12", 9120, confirmed="2026-12-08"),
        hanako.bill("2027-01", 9900, confirmed="2027-01-08"),
    )
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0])
    await world.go_to("2026-11-25T12:00")
    await hanako.apply_for_card_change()

    await world.go_to("2026-12-10T10:00")
    charged_without_asking = await world.succeeded()
    await hanako.pay((await hanako.urls())[-1], card="5555555555554444")
    await world.go_to("2027-01-10T10:00")
    await world.rest()

    assert charged_without_asking == [8432]
    assert await world.succeeded() == [8432, 9120, 9900]
    cards = await world.rows("SELECT brand, state FROM card_on_file ORDER BY id")
    assert cards == [("visa", "replaced"), ("mastercard", "active")]
    assert await world.rows("SELECT state FROM card_change_request") == [("completed",)]


async def test_r08_a_bill_confirmed_on_the_19th_rolls_into_the_next_month(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-19"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )

    for day in ("2026-11-10T10:00", "2026-11-19T10:00", "2026-11-21T00:00"):
        await world.go_to(day)
    in_november = await hanako.urls()
    await world.go_to("2026-12-10T10:00")
    [url] = await hanako.urls()
    await hanako.pay(url)

    assert in_november == []
    assert await world.succeeded() == [17552]


async def test_f20_after_a_scheduler_down_from_the_9th_to_the_22nd_nothing_is_lost_or_doubled(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-10", 7000, confirmed="2026-10-08"),
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"),
        hanako.bill("2026-12", 9120, confirmed="2026-12-08"),
    )

    await world.go_to("2026-11-08T23:00")
    await world.go_to("2026-11-22T11:00")
    after_downtime = await hanako.urls()
    await world.go_to("2026-12-10T10:00")
    [url] = await hanako.urls()
    await hanako.pay(url)

    assert after_downtime == []
    assert await world.succeeded() == [7000 + 8432 + 9120]
    assert await world.rows("SELECT DISTINCT state FROM bill") == [("paid",)]
