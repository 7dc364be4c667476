"""The days that the bot names are days on which something happens: never today's date for a month that is paid."""

from tests.kit.customer import Customer
from tests.kit.world import World
from tests.stories.conftest import Begin


async def test_r04_who_has_paid_the_month_is_told_of_the_next_months_day(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0])
    await world.go_to("2026-11-15T12:00")
    await hanako.apply_for_card_change()

    again = await hanako.say("URL再送")
    arrival = await hanako.say("いつ届きますか")

    day = "12月10日" if hanako.line_user else "12/10"
    assert day in again
    assert day in arrival
    assert all("11月15日" not in answer and "11/15" not in answer for answer in (again, arrival))


async def test_r04_who_is_charged_by_card_is_promised_no_url(world: World, hanako: Customer, given: Begin) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0])
    await world.go_to("2026-11-15T12:00")

    answers = [await hanako.say(words) for words in ("いつ届きますか", "いつからカード払いになりますか")]

    assert all("自動" in answer and "次のURL" not in answer and "次のご案内" not in answer for answer in answers)


async def test_r06_between_the_21st_and_the_10th_the_bot_says_which_deadline_has_passed(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-21T10:00")

    answer = await hanako.say("今月の金額")

    assert "11月20日" in answer or "11/20" in answer
    assert "過ぎ" in answer
    assert "12月10日" in answer or "12/10" in answer
