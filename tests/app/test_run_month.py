"""`tsukibarai run-month` as an operator uses it: look, open, look again, let it go on."""

import csv
import json
from pathlib import Path

import pytest

from backend.domain.states import StopReason, StopScope
from backend.store import charging_stops
from backend.store.engine import transaction
from tests.app.test_commands import environment
from tests.kit.commands import run
from tests.kit.customer import Customer
from tests.kit.world import World


@pytest.fixture
async def customers(world: World) -> tuple[Customer, Customer]:
    """One who reads LINE and one who reads SMS, each with a bill of November; the day is the 9th."""
    by_line = Customer(world=world, number="0012345678", phone="09012345678", line_user="U" + "a" * 32)
    by_sms = Customer(world=world, number="0087654321", phone="09087654321", line_user=None)
    await world.import_bills(
        by_line.bill("2026-11", 8432, confirmed="2026-11-08"), by_sms.bill("2026-11", 123_456, confirmed="2026-11-08")
    )
    await by_line.link_line()
    await world.go_to("2026-11-09T12:00")
    return by_line, by_sms


@pytest.mark.usefixtures("customers")
class TestDryRun:
    async def test_it_says_who_gets_what_by_which_channel_and_what_it_costs(
        self, world: World, database_url: str, tmp_path: Path
    ) -> None:
        await world.control(world.settings.line_api_base, "limits", {"monthly_quota": 3})
        out = tmp_path / "month.csv"

        status, said = await run(
            "run-month", "--dry-run", "--on", "2026-11-10", "--out", str(out), env=environment(world, database_url)
        )

        table = list(csv.reader(out.read_text(encoding="utf-8-sig").splitlines()))
        assert status == 0
        assert "決済用URLをLINEで送る      1件  8,432円" in said
        assert "決済用URLをSMSで送る       1件  123,456円" in said
        assert "LINEの通数が 1通足りません" in said
        assert [(row[0], row[1], row[2], row[3], row[9]) for row in table[1:3]] == [
            ("0012345678", "決済用URL", "LINE", "8432", ""),
            ("0087654321", "決済用URL", "SMS", "123456", "金額がふだんと違う"),
        ]
        assert table[3] == ["以上", "2"]
        assert int(table[2][7]) > 0

    async def test_a_file_that_cannot_be_written_is_refused_before_anything(
        self, world: World, database_url: str, tmp_path: Path
    ) -> None:
        status, said = await run("run-month", "--dry-run", "--out", str(tmp_path), env=environment(world, database_url))

        assert status == 2
        assert "--out needs a file" in said

    async def test_it_speaks_json(self, world: World, database_url: str) -> None:
        env = environment(world, database_url, SMS_YEN_PER_SEGMENT="10")

        status, said = await run("run-month", "--dry-run", "--on", "2026-11-10", "--json", env=env)

        told = json.loads(said)
        assert status == 0
        assert told["groups"]["link_sms"] == {"customers": 1, "yen": 123_456}
        assert told["line"] == {"most_pushes": 4, "quota": None, "left": None, "is_known": True}
        assert told["sms"]["most_yen"] == told["sms"]["most_segments"] * 10

    async def test_it_names_the_next_day_on_which_a_month_can_be_opened(self, world: World, database_url: str) -> None:
        status, said = await run("run-month", "--dry-run", env=environment(world, database_url))

        assert status == 0
        assert "2026-11-10" in said

    async def test_a_month_is_not_opened_on_another_day(self, world: World, database_url: str) -> None:
        status, _ = await run("run-month", env=environment(world, database_url))

        assert status == 1
        assert await world.rows("SELECT id FROM payment_request") == []


async def test_a_month_is_opened_watched_and_let_go_on(world: World, database_url: str) -> None:
    env = environment(world, database_url)
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await customer.pay((await customer.urls())[-1])
    await world.go_to("2026-12-10T08:00")
    await world.import_bills(customer.bill("2026-12", 9120, confirmed="2026-12-08"))
    await stop(world)

    opened = await run("run-month", "--canary", "0", env=env)
    stopped = await run("run-month", "status", env=env)
    resumed = await run("run-month", "resume", "--by", "hana", "--note", "looked", env=env)
    await world.go_to("2026-12-10T10:00")

    assert opened[0] == 0
    assert "自動決済" in opened[1]
    assert "カードの否認が多い" in stopped[1]
    assert "解除しました" in resumed[1]
    assert await world.succeeded() == [8432, 9120]


async def stop(world: World) -> None:
    services = world.parts.services
    async with transaction(services.engine) as connection:
        await charging_stops.stop_charging(
            connection,
            reason=StopReason.DECLINE_RATIO,
            scope=StopScope.AUTOMATIC,
            detail={},
            now=services.clock.now(),
        )
