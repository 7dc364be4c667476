"""`reconcile` and `gate` as an operator runs them after a backup came back: what is printed, the exit statuses."""

from tests.app.test_commands import environment
from tests.kit.commands import run
from tests.kit.customer import Customer
from tests.kit.restores import backup_of
from tests.kit.world import World


async def test_an_operator_imports_the_gap_and_opens_the_gate(
    world: World, database_url: str, postgres: tuple[str, str]
) -> None:
    taro = Customer(world=world, number="0000000001", phone="09011112222", line_user=None)
    await world.import_bills(taro.bill("2026-11", 8000, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    url = (await taro.urls())[-1]
    async with backup_of(world.parts.services.engine, server=postgres[0]) as backup:
        await taro.pay(url)
        before = await run("gate", env=environment(world, database_url))
        env = environment(world, backup)

        closed = await run("gate", env=env)
        imported = await run("gate", "import", env=env)
        opened = await run("gate", "open", "--by", "sato", env=env)
        walked = await run("reconcile", env=env)
        nothing = await run("gate", "resolve", "1", "--by", "sato", "--note", "none", env=env)

    assert before[0] == 0
    assert "The gate is open." in before[1]
    assert closed[0] == 1
    assert "(database_moved)" in closed[1]
    assert imported[0] == 0
    assert "1  payments imported" in imported[1]
    assert opened[0] == 0
    assert "The gate is open." in opened[1]
    assert walked[0] == 0
    assert "1  movements fit" in walked[1]
    assert nothing[0] == 1


async def test_a_command_says_so_when_the_gateway_cannot_be_asked(world: World, database_url: str) -> None:
    taro = Customer(world=world, number="0000000001", phone="09011112222", line_user=None)
    await world.import_bills(taro.bill("2026-11", 8000, confirmed="2026-11-08"))
    rules = {"rules": [{"kind": "500_before", "path": "/v1/transactions"}]}
    await world.control(world.settings.sandbox_gateway_base, "faults", rules)

    status, said = await run("reconcile", env=environment(world, database_url))

    await world.control(world.settings.sandbox_gateway_base, "faults", {"rules": []})
    assert status == 3
    assert "cannot be read now" in said
