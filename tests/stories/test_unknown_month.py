"""A month whose outcome is not known is not forgotten by the bot once the next one is asked for (R06, f23)."""

from tests.kit.customer import Customer
from tests.kit.world import World
from tests.stories.conftest import Begin


async def test_r06_f23_the_bot_names_the_unknown_month_beside_the_one_that_goes_out_alone(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    await world.go_to("2026-11-10T10:00")
    away = {"path": "/v1/charges*", "kind": "500_before", "times": 1000}
    await world.control(world.settings.sandbox_gateway_base, "faults", {"rules": [away]})
    await hanako.pay((await hanako.urls())[0])
    for moment in ("11-21T00:00", "12-10T10:00"):
        await world.go_to(f"2026-{moment}")
        await world.rest()

    answers = [await hanako.say(words) for words in ("今月の金額", "お支払い状況")]

    assert [("9,120円" in answer, "11月分" in answer, "結果を確認しています" in answer) for answer in answers] == [
        (True, True, True),
        (True, True, True),
    ]
