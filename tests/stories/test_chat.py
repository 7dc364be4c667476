"""The bot in real chats: linking an account, real amounts, the URL again, silence on request (section 6)."""

from tests.kit.customer import Customer
from tests.kit.world import World
from tests.stories.conftest import Begin


async def test_the_bot_tells_the_real_amount_and_sends_the_same_url_again(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()

    amount = await hanako.say("今月の電気代はいくらですか")
    again = await hanako.say("URLをもう一度送ってください")

    assert "8,432円" in amount
    assert url in again


async def test_r03_a_bill_that_is_not_confirmed_yet_is_not_named(world: World, hanako: Customer, given: Begin) -> None:
    await given(
        hanako.bill("2026-11", 8432, confirmed="2026-11-08"), hanako.bill("2026-12", 9100, confirmed="2026-12-06")
    )
    await world.go_to("2026-11-09T12:00")

    before = await hanako.say("今月の電気代はいくらですか")
    await world.go_to("2026-11-21T10:00")
    expired = await hanako.say("支払いは済んでいますか")

    assert "8,432円" in before
    assert "8,432円" in expired
    assert all("9,100" not in answer and "17,532" not in answer for answer in (before, expired))


async def test_f45_r13_after_paying_the_bot_knows_it(world: World, hanako: Customer, given: Begin) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0])

    answer = await hanako.say("支払いは済んでいますか")

    assert "8,432円" in answer
    assert "済" in answer


async def test_the_frequent_questions_by_sms_take_two_segments_each(
    world: World, hanako: Customer, given: Begin
) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await hanako.say("よくある質問")

    answers = [await hanako.say(number) for number in ("1", "よくある質問", "4")]

    assert all(answers)
    assert await world.longest_sms() <= 2


async def test_who_stops_the_messages_gets_no_more_notices_there(world: World, hanako: Customer, given: Begin) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await hanako.say("配信停止")

    await world.go_to("2026-11-10T10:00")
    await world.rest()

    sent = await world.rows("SELECT channel FROM notice WHERE kind = 'payment_link'")
    tasks = await world.rows("SELECT kind FROM staff_task")
    assert (sent, tasks) == (([("sms",)], []) if hanako.line_user else ([], [("unreachable",)]))


async def test_who_asks_for_a_person_can_be_found_by_staff(world: World, hanako: Customer, given: Begin) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))

    await hanako.say("担当者と話したい")

    assert await world.rows(
        "SELECT t.kind, a.customer_number, c.address FROM staff_task t JOIN account a ON a.id = t.account_id"
        " JOIN conversation c ON c.id = CAST(t.detail->>'conversation_id' AS bigint)"
    ) == [("wants_a_person", hanako.number, hanako.line_user or hanako.e164)]


async def test_every_message_in_and_out_is_kept_without_any_token(world: World, hanako: Customer, given: Begin) -> None:
    await given(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    [url] = await hanako.urls()
    await hanako.say("URL再送")

    kept = await world.rows("SELECT payload::text FROM notice UNION ALL SELECT text FROM chat_message")

    assert ("URL再送",) in kept
    assert all(url.rsplit("/", 1)[1] not in text for (text,) in kept)


async def test_a_line_user_links_the_account_by_number_and_sms_code(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user="U" + "2" * 32)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.control(world.settings.line_api_base, "users/bulk", {"userIds": [hanako.line_user]})
    await world.go_to("2026-11-10T10:00")

    before = await hanako.say("今月の金額")
    await hanako.link_account_from(before)
    after = await hanako.say("今月の金額")

    assert "8,432円" not in before
    assert "8,432円" in after


async def test_a_wrong_code_links_nothing(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user="U" + "2" * 32)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.control(world.settings.line_api_base, "users/bulk", {"userIds": [hanako.line_user]})
    offer = await hanako.say("今月の金額")

    browser = await hanako.begin_linking(offer)
    wrong = f"{(int(await hanako.code()) + 1) % 1_000_000:06d}"
    await browser.press("LINEと連携する", code=wrong)

    assert "確認コード" in browser.text
    assert await world.rows("SELECT id FROM line_link") == []
