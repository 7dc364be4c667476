"""Story a: the first payment by URL, the second month by itself."""

from tests.kit.customer import Customer
from tests.kit.world import World


def hanako(world: World) -> Customer:
    return Customer(world=world, number="0012345678", phone="09012345678", line_user="U" + "1" * 32)


async def test_r04_the_first_month_is_paid_by_url_and_the_second_by_itself(world: World) -> None:
    customer = hanako(world)
    await world.import_bills(
        customer.bill("2026-11", 8432, confirmed="2026-11-08"),
        customer.bill("2026-12", 9120, confirmed="2026-12-08"),
    )
    await customer.link_line()

    await world.go_to("2026-11-10T10:00")
    [url] = await customer.urls()
    done = await customer.pay(url)

    assert "お支払い" in done.text
    assert await world.succeeded() == [8432]

    await world.go_to("2026-12-10T10:00")
    await world.rest()

    assert await world.succeeded() == [8432, 9120]
    assert len(await customer.urls()) == 1
    assert "9,120円" in (await customer.inbox())[-1]
