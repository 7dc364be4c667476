from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.emulators.phone.phone_messages import bill, question, text, two_months
from tests.emulators.phone.phone_rig import LINKED, Rig, is_close, running_rig
from tests.emulators.phone.phone_screens import opened
from tests.kit.chromium import running_chromium

# One loop and one Chromium for the whole module: starting it takes longer than a test.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
_WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_rig() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def desk(rig: Rig, chromium: Browser) -> AsyncIterator[Page]:
    """The page on a wide screen."""
    async with opened(chromium, rig.page, width=1280, height=860) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def pocket(rig: Rig, chromium: Browser) -> AsyncIterator[Page]:
    """The page on a small telephone."""
    async with opened(chromium, rig.page, width=360, height=740) as page:
        yield page


async def faults(page: Page, *, picture: Path) -> list[str]:
    await page.screenshot(path=picture)
    return [violation["id"] for violation in (await Axe().run(page)).response["violations"]]


async def test_a_bill_arrives_live_and_its_button_opens_the_page_in_a_new_tab(rig: Rig, desk: Page) -> None:
    await rig.push(text("ご請求が確定しました。"), bill(f"{rig.web}/p/token"))
    bubbles = desk.get_by_test_id("line-bubble")
    await expect(bubbles).to_have_count(2)
    button = bubbles.last.get_by_test_id("uri")
    await expect(button).to_have_text("お支払いへ進む")

    async with desk.expect_popup() as opening:
        await button.click()

    payment_page = await opening.value
    await expect(payment_page).to_have_title("お支払い")
    assert payment_page.url == f"{rig.web}/p/token"


async def test_a_quick_reply_posts_its_data_and_vanishes(rig: Rig, desk: Page) -> None:
    await rig.push(bill(f"{rig.web}/p/token"))
    chips = desk.get_by_test_id("quick-reply")
    await expect(chips).to_have_text(["今月の金額", "お支払い状況"])

    await chips.first.click()

    await expect(chips).to_have_count(0)
    await expect(desk.get_by_test_id("line-bubble").last).to_contain_text("今月の金額")
    assert (await rig.heard("postback"))["postback"] == {"data": "amount"}


async def test_both_buttons_of_a_question_answer_it(rig: Rig, desk: Page) -> None:
    await rig.push(question())

    await desk.get_by_role("button", name="はい", exact=True).click()
    await expect(desk.get_by_test_id("line-bubble").last).to_contain_text("はい、変更します")
    await desk.get_by_role("button", name="いいえ").click()
    await expect(desk.get_by_test_id("line-bubble")).to_have_count(3)

    assert (await rig.heard("postback"))["postback"]["data"] == "yes"
    assert (await rig.heard("message"))["message"]["text"] == "いいえ"


async def test_a_carousel_keeps_its_colours_and_its_links(rig: Rig, desk: Page) -> None:
    await rig.push(two_months(f"{rig.web}/p/token"))

    carousel = desk.get_by_role("group", name="横に並んだカード")
    await expect(carousel.get_by_text("11月分")).to_have_css("color", "rgb(138, 75, 0)")
    await expect(carousel.get_by_test_id("uri").first).to_have_attribute("target", "_blank")


async def test_what_is_typed_reaches_the_bot_and_can_be_taken_back(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("line-input").fill("今月の金額を教えてください")
    await desk.get_by_test_id("line-send").click()
    said = desk.get_by_test_id("line-bubble").last
    await expect(said).to_contain_text("今月の金額を教えてください")
    message = (await rig.heard("message"))["message"]

    await desk.get_by_test_id("line-unsend").click()

    await expect(said).to_contain_text("送信を取り消しました")
    assert (await rig.heard("unsend"))["unsend"]["messageId"] == message["id"]


async def test_blocking_and_coming_back_tell_the_bot(rig: Rig, desk: Page) -> None:
    block = desk.get_by_test_id("line-block")
    await block.click()
    await expect(block).to_have_attribute("aria-pressed", "true")
    assert (await rig.heard("unfollow"))["source"]["userId"] == LINKED.line_user_id

    await block.click()

    await expect(block).to_have_text("ブロック")
    assert (await rig.heard("follow"))["follow"]["isUnblocked"] is True


async def test_someone_without_line_makes_friends_first(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("customer").last.click()
    await expect(desk.get_by_test_id("line-input")).to_be_hidden()

    await desk.get_by_test_id("line-friend").click()

    await expect(desk.get_by_test_id("line-input")).to_be_focused()
    await expect(desk.get_by_test_id("line-bubble")).to_have_text(["友だちになりました"])
    assert (await rig.heard("follow"))["follow"]["isUnblocked"] is False


async def test_an_sms_shows_its_link_its_parts_and_that_it_arrived(rig: Rig, desk: Page) -> None:
    await rig.sms(f"お支払いはこちら\n{rig.web}/p/token\nお問い合わせ番号は別にご案内します")

    sms = desk.get_by_test_id("sms-bubble")
    await expect(sms).to_have_attribute("data-status", "delivered")
    await expect(sms).to_contain_text("届きました ・ 1通分")
    await expect(sms.get_by_test_id("uri")).to_have_attribute("href", f"{rig.web}/p/token")


async def test_an_sms_to_a_telephone_out_of_reach_is_shown_as_lost(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("sms-reception").click()
    await expect(desk.get_by_test_id("sms-reception")).to_have_text("圏内に戻す")

    await rig.sms("お支払いはこちら")

    await expect(desk.get_by_test_id("sms-bubble")).to_contain_text("届きませんでした（30003）")


async def test_an_answer_by_sms_reaches_the_service(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("sms-input").fill("金額")
    await desk.get_by_test_id("sms-send").click()

    await expect(desk.get_by_test_id("sms-bubble")).to_have_attribute("data-direction", "inbound")
    await rig.look(f"{rig.twilio}/_control/idle")
    assert (rig.bot.forms[0]["From"], rig.bot.forms[0]["Body"]) == (LINKED.phone, "金額")


async def test_the_calendar_waits_for_the_journey(rig: Rig, desk: Page) -> None:
    rig.product.gate.clear()
    tenth = desk.get_by_test_id("travel-next-10")
    await tenth.click()
    await expect(desk.get_by_test_id("travelling")).to_be_visible()
    await expect(tenth).to_be_disabled()

    rig.product.gate.set()

    await expect(desk.get_by_test_id("travelling")).to_be_hidden()
    await expect(desk.get_by_test_id("now")).to_contain_text("2026年10月10日(土) 10:00")
    await expect(tenth).to_contain_text("11/10")
    assert all(is_close(clock, rig.product.now) for clock in await rig.clocks())


async def test_the_way_back_is_closed_with_a_reason(desk: Page) -> None:
    field = desk.get_by_test_id("travel-input")
    await expect(field).to_have_attribute("min", "2026-10-05T09:00")
    await expect(desk.locator("#no-return")).to_contain_text("過去には戻れません")
    await field.fill("2026-10-01T10:00")

    await desk.get_by_test_id("travel-go").click()

    await expect(desk.get_by_test_id("now")).to_contain_text("10月5日")


async def test_the_panel_follows_what_happens_outside(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("fault-declined").click()
    await expect(desk.get_by_test_id("fault-done")).to_contain_text("残高不足")

    await rig.charge(key="one")

    charge = desk.get_by_test_id("charge")
    await expect(charge).to_have_attribute("data-status", "declined")
    await expect(charge).to_contain_text("12,345円")
    await expect(charge).to_contain_text("カード末尾4242")
    await expect(desk.get_by_test_id("count-declined")).to_have_text("1")


async def test_others_messages_leave_a_mark_until_they_are_seen(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("customer").last.click()
    await rig.push(text("お知らせ"))
    marked = desk.get_by_test_id("customer").first
    await expect(marked.get_by_test_id("unread")).to_contain_text("1")
    await expect(desk).to_have_title("(1) お客様の電話 — つきばらい体験")

    await marked.click()

    await expect(marked.get_by_test_id("unread")).to_have_count(0)
    await expect(desk.get_by_test_id("line-bubble")).to_contain_text("お知らせ")


async def test_the_keyboard_is_enough(rig: Rig, desk: Page) -> None:
    await desk.get_by_test_id("customer").first.focus()
    await desk.keyboard.press("Enter")
    await desk.get_by_test_id("line-input").focus()
    await desk.keyboard.type("お支払い状況")
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_test_id("line-bubble")).to_have_count(1)
    await rig.push(bill(f"{rig.web}/p/token"))
    await expect(desk.get_by_test_id("quick-reply")).to_have_count(2)
    await desk.get_by_test_id("quick-reply").first.focus()

    await desk.keyboard.press("Enter")

    await expect(desk.get_by_test_id("quick-reply")).to_have_count(0)
    assert (await rig.heard("postback"))["postback"]["data"] == "amount"


async def test_the_wide_page_has_no_accessibility_faults(rig: Rig, desk: Page, tmp_path: Path) -> None:
    await rig.push(text("ご請求が確定しました。"), bill(f"{rig.web}/p/token"))
    await rig.sms(f"お支払いはこちら\n{rig.web}/p/token")
    await expect(desk.get_by_test_id("quick-reply")).to_have_count(2)
    await expect(desk.get_by_test_id("sms-bubble")).to_have_count(1)

    assert await faults(desk, picture=tmp_path / "wide.png") == []


@pytest.mark.parametrize("view", ["people", "dates", "line", "sms", "world"])
async def test_each_view_fits_a_small_telephone(rig: Rig, pocket: Page, tmp_path: Path, view: str) -> None:
    await rig.push(text("ご請求が確定しました。"), bill(f"{rig.web}/p/token"))
    await rig.sms(f"お支払いはこちら\n{rig.web}/p/token")
    await expect(pocket.get_by_test_id("line-unread")).to_contain_text("2")

    await pocket.get_by_test_id(f"view-{view}").click()

    await expect(pocket.locator(f'[data-panel="{view}"]')).to_be_visible()
    width, room = await pocket.evaluate(_WIDTHS)
    assert width <= room
    assert await faults(pocket, picture=tmp_path / f"{view}.png") == []


async def test_a_small_telephone_opens_pages_in_a_new_tab_too(rig: Rig, pocket: Page) -> None:
    await rig.push(bill(f"{rig.web}/p/token"))
    await pocket.get_by_test_id("view-line").click()
    await expect(pocket.get_by_test_id("line-unread")).to_be_hidden()

    async with pocket.expect_popup() as opening:
        await pocket.get_by_test_id("uri").click()

    assert (await opening.value).url == f"{rig.web}/p/token"
