"""Story a in real Chromium: on the phone page from the first URL to the second month's automatic charge.

The screenshots go to var/screenshots; `make screenshots` copies them into the README's pictures.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from app.dev import Addresses, running_demo
from app.settings import ClockKind, Settings
from tests.kit.chromium import running_chromium
from tests.kit.servers import free_port

expect.set_options(timeout=20_000)  # a busy machine is no failure

PICTURES = Path("var/screenshots")
pytestmark = pytest.mark.browser


@pytest.fixture
async def demo(database_url: str) -> AsyncIterator[Addresses]:
    ports = {name: free_port() for name in ("web", "phone", "gateway", "line", "twilio")}
    settings = Settings(
        database_url=database_url,
        clock=ClockKind.SHIFTABLE,
        public_base_url=f"http://127.0.0.1:{ports['web']}",
        sandbox_gateway_base=f"http://127.0.0.1:{ports['gateway']}",
        line_api_base=f"http://127.0.0.1:{ports['line']}",
        twilio_api_base=f"http://127.0.0.1:{ports['twilio']}",
        **{f"{name}_port": port for name, port in ports.items()},
    )
    async with running_demo(settings) as (_, addresses):
        yield addresses


@pytest.fixture
async def device() -> AsyncIterator[BrowserContext]:
    async with running_chromium() as browser:
        yield await browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP")


async def test_a_customer_pays_the_first_month_and_the_second_is_charged_by_itself(
    demo: Addresses, device: BrowserContext
) -> None:
    phone = await _open_phone(device, demo)
    tail = (await phone.get_by_test_id("customer-phone").inner_text())[-4:]
    await _travel(phone, "travel-next-10")
    await expect(phone.get_by_test_id("uri")).to_have_count(1)
    await _picture(phone, "phone-url-arrived")

    page = await _open_in_new_tab(device, phone)
    await _pay(page, phone_tail=tail)
    await expect(phone.get_by_test_id("charge")).to_have_count(1)
    await _travel(phone, "travel-month-10")
    await expect(phone.locator("[data-testid=charge][data-status=succeeded]")).to_have_count(2)
    await expect(phone.get_by_test_id("uri")).to_have_count(1)
    await _picture(phone, "phone-second-month")


async def _open_phone(device: BrowserContext, demo: Addresses) -> Page:
    phone = await device.new_page()
    await phone.goto(demo.phone)
    await phone.locator("body[data-ready=true]").wait_for()
    return phone


async def _travel(phone: Page, button: str) -> None:
    async with phone.expect_response("**/api/travel", timeout=60_000):
        await phone.get_by_test_id(button).click()
    await expect(phone.get_by_test_id("travelling")).to_be_hidden()


async def _open_in_new_tab(device: BrowserContext, phone: Page) -> Page:
    async with device.expect_page() as opened:
        await phone.get_by_test_id("uri").first.click()
    page = await opened.value
    await page.set_viewport_size({"width": 360, "height": 740})
    return page


async def _pay(page: Page, *, phone_tail: str) -> None:
    """Press お支払い twice in a hurry: it must count once (R18, f37)."""
    await _picture(page, "pay-1-landing")
    await page.get_by_label("下4桁").fill(phone_tail)
    await page.get_by_role("button", name="同意してカード情報の入力へ").click()
    frame = page.frame_locator("#card-frame")
    await frame.get_by_label("カード番号").fill("4242424242424242")
    await frame.get_by_label("有効期限").fill("1230")
    await frame.get_by_label("セキュリティコード").fill("123")
    await frame.get_by_label("名義").fill("HANAKO YAMADA")
    await _picture(page, "pay-2-entry")
    await page.get_by_role("button", name="入力内容を確認する").click()
    pay = page.get_by_role("button", name="お支払い", exact=True)
    await pay.wait_for()
    await _picture(page, "pay-3-confirmation")
    await pay.dblclick()
    await page.wait_for_url("**/done")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("完了")
    await _picture(page, "pay-4-completion")


async def _picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing waits for this
    await page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
