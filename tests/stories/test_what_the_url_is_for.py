"""What the bot says of a URL is what its page does: stopped after wrong answers, meant for the new card, combined."""

from tests.kit.customer import Customer, linked_customer
from tests.kit.world import World
from tests.stories.conftest import Begin


async def test_f42_a_url_that_wrong_answers_have_stopped_is_not_sent_again(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    browser = world.browser()
    await browser.open((await hanako.urls())[0])
    for _ in range(5):
        await browser.press("同意してカード情報の入力へ", phone_tail="0000")

    answer = await hanako.say("URL送って")

    assert "/p/" not in answer
    assert "安全のため" in answer
    assert world.settings.support_phone in answer


async def test_r09_after_a_card_change_this_url_is_for_the_new_card(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0])
    await hanako.apply_for_card_change()
    await world.go_to("2026-12-10T10:00")

    answer = await hanako.say("お支払い状況")

    assert "次に確定するご請求" not in answer
    assert "新しいカード" in answer


async def test_r07_a_combined_url_says_that_the_month_before_is_not_paid(world: World) -> None:
    hanako = await linked_customer(world, line_user="U" + "4" * 32)
    await world.import_bills(hanako.bill("2026-12", 9120, confirmed="2026-12-08"))
    for day in ("2026-11-10T10:00", "2026-11-21T10:00", "2026-12-10T10:00"):
        await world.go_to(day)

    words = "\n".join(await hanako.inbox())

    assert "前月分までのお支払いを確認できていないため、11・12月分を合わせて" in words


async def test_r08_a_combined_url_says_that_a_bill_was_late(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user="U" + "4" * 32)
    await world.import_bills(
        hanako.bill("2026-11", 8432, confirmed="2026-11-19"), hanako.bill("2026-12", 9120, confirmed="2026-12-08")
    )
    await hanako.link_line()
    for day in ("2026-11-19T10:00", "2026-12-10T10:00"):
        await world.go_to(day)

    words = "\n".join(await hanako.inbox())

    assert "ご請求の確定が遅れた月があるため、11・12月分を合わせて" in words
