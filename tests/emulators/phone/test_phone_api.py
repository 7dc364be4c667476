from datetime import timedelta

import pytest

from emulators.phone.stops import JAPAN
from tests.emulators.phone.phone_rig import LINKED, MORNING, ON_SMS, SENDER, Rig, is_close


async def test_the_page_learns_who_and_what_there_is(rig: Rig) -> None:
    setup = await rig.look(f"{rig.page}/api/setup")

    assert setup["bot_name"] == "つきばらい電力"
    assert setup["sms_sender"] == SENDER
    assert [(one["name"], one["last4"], one["has_line"], one["is_linked"]) for one in setup["customers"]] == [
        (LINKED.name, "5607", True, True),
        (ON_SMS.name, "5621", False, False),
    ]


async def test_emulators_started_afresh_learn_the_time_and_the_friends(rig: Rig) -> None:
    await rig.look(f"{rig.page}/api/setup")

    users = (await rig.look(f"{rig.line}/_control/users"))["users"]
    assert [user["userId"] for user in users] == [LINKED.line_user_id]
    assert all(is_close(clock, MORNING) for clock in await rig.clocks())
    assert rig.bot.events == []


async def test_a_journey_moves_the_product_and_every_emulator(rig: Rig) -> None:
    status, told = await rig.ask("/api/travel", {"to": "2026-10-10T10:00"})

    tenth = MORNING.replace(day=10, hour=10)
    assert (status, told["now"]) == (200, "2026-10-10T10:00:00+09:00")
    assert rig.product.journeys == [tenth]
    assert all(is_close(clock, tenth) for clock in await rig.clocks())


async def test_nobody_goes_back_in_time(rig: Rig) -> None:
    status, told = await rig.ask("/api/travel", {"to": (MORNING - timedelta(days=1)).isoformat()})

    assert status == 409
    assert told["error"].startswith("過去には戻れません")
    assert rig.product.journeys == []


async def test_a_date_that_is_none_is_refused_with_an_example(rig: Rig) -> None:
    status, told = await rig.ask("/api/travel", {"to": "tomorrow"})

    assert status == 400
    assert "2026-12-10T10:00" in told["error"]


async def test_due_work_runs_without_moving_time(rig: Rig) -> None:
    status, told = await rig.ask("/api/run_due")

    assert (status, rig.product.runs, told["now"]) == (200, 1, MORNING.astimezone(JAPAN).isoformat())


async def test_a_declined_charge_is_arranged_once(rig: Rig) -> None:
    await rig.ask("/api/faults/declined")

    first, second = await rig.charge(key="one"), await rig.charge(key="two")

    assert first["error"]["decline_code"] == "insufficient_funds"
    assert second["status"] == "succeeded"


async def test_the_panel_sums_up_what_the_outside_received(rig: Rig) -> None:
    await rig.look(f"{rig.page}/api/setup")
    await rig.charge(key="one")
    await rig.push({"type": "text", "text": "お知らせ"})
    await rig.sms("お支払いはこちら")

    received = await rig.look(f"{rig.page}/api/received")

    assert (received["gateway"]["taken"], received["gateway"]["yen"]) == (1, 12345)
    assert received["gateway"]["latest"][0]["last4"] == "4242"
    assert (received["line"]["pushes"], received["line"]["replies"]) == (1, 0)
    assert (received["twilio"]["sent"], received["twilio"]["delivered"]) == (1, 1)


@pytest.mark.parametrize("service", ["line", "twilio", "gateway"])
async def test_the_raw_truth_is_one_link_away(rig: Rig, service: str) -> None:
    assert await rig.look(f"{rig.page}/api/raw/{service}")


async def test_a_form_of_another_page_is_not_taken(rig: Rig) -> None:
    async with rig.session.post(f"{rig.page}/api/travel", data={"to": "2026-12-01T00:00"}) as response:
        assert response.status == 415
    assert rig.product.journeys == []


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/now", "/api/nothing"])
async def test_everything_carries_the_strict_policy(rig: Rig, path: str) -> None:
    async with rig.session.get(f"{rig.page}{path}") as response:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
