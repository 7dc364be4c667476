from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from axe_playwright_python.async_playwright import Axe
from gateway_rig import CHALLENGED, SECRET, VISA, WEBHOOK_SECRET
from playwright.async_api import Browser, FrameLocator, Page, expect

from emulators.gateway.app import GatewayConfig, create_app
from tests.kit.chromium import running_chromium

# One loop and one Chromium for the whole module: starting it takes longer than a test.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MERCHANT = "つきばらい電力"
HOST_PAGE = """<!doctype html><html lang="ja"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>お支払い</title>
<style>body{margin:0;padding:16px;font:16px sans-serif}iframe{border:0;width:100%%}</style></head>
<body><main><h1>お支払い</h1><iframe id="card" src="%s" title="カード情報の入力" height="380"></iframe>
<button id="go">入力内容を確認する</button></main><script>
window.told=[];const frame=document.getElementById("card");
addEventListener("message",(event)=>{window.told.push([event.origin,event.data]);frame.height=event.data.height;});
document.getElementById("go").onclick=()=>frame.contentWindow.postMessage({type:"submit"},"*");
</script></body></html>"""


@dataclass
class Shop:
    """A tiny merchant page with the frame in it, in a real browser."""

    page: Page
    gateway: str
    origin: str
    registration: dict[str, Any]

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator("#card")

    async def fill(self, number: str) -> None:
        await self.frame.get_by_label("カード番号").press_sequentially(number)
        await self.frame.get_by_label("有効期限").press_sequentially("1230")
        await self.frame.get_by_label("セキュリティコード").fill("123")
        await self.frame.get_by_label("カード名義").fill("Taro Yamada")

    async def submit(self) -> None:
        await self.page.click("#go")

    async def wait_until_told(self, kind: str) -> dict[str, Any]:
        script = "kind => window.told.find(([, data]) => data.type === kind)"
        origin, data = await (await self.page.wait_for_function(script, arg=kind)).json_value()
        assert origin == self.gateway
        return data

    async def status(self) -> str:
        truth = await (await self.page.request.get(f"{self.gateway}/_control/truth")).json()
        return truth["registrations"][0]["status"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def shop(browser: Browser) -> AsyncIterator[Shop]:
    gateway = await started_gateway()
    base = str(gateway.make_url("")).rstrip("/")
    merchant = await started_merchant()
    origin = str(merchant.make_url("")).rstrip("/")
    page = await browser.new_page(viewport={"width": 360, "height": 740}, device_scale_factor=2)
    registration = await opened_registration(page, base=base, origin=origin)
    await page.goto(f"{origin}/?fields={registration['fields_url']}")
    yield Shop(page=page, gateway=base, origin=origin, registration=registration)
    await page.close()
    await merchant.close()
    await gateway.close()


async def started_gateway() -> TestServer:
    port = unused_port()
    config = GatewayConfig(
        secret_key=SECRET,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url=None,
        public_base=f"http://127.0.0.1:{port}",
        merchant_name=MERCHANT,
    )
    server = TestServer(create_app(config=config), port=port)
    await server.start_server()
    return server


async def started_merchant() -> TestServer:
    async def host(request: web.Request) -> web.Response:
        return web.Response(text=HOST_PAGE % request.query.get("fields", ""), content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", host)
    server = TestServer(app)
    await server.start_server()
    return server


async def opened_registration(page: Page, *, base: str, origin: str) -> dict[str, Any]:
    async def post(path: str, body: dict[str, object]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRET}", "Idempotency-Key": path}
        answer = await page.request.post(f"{base}{path}", data=body, headers=headers)
        return await answer.json()

    customer = await post("/v1/customers", {"reference": "C-1"})
    body = {
        "customer": customer["id"],
        "reference": "O-1",
        "return_url": f"{origin}/back?a=1",
        "origin": origin,
        "expires_at": 2**33,
    }
    return await post("/v1/card_registrations", body)


async def violations(page: Page, *, picture: Path) -> list[dict[str, Any]]:
    await page.screenshot(path=picture, full_page=True)
    results = await Axe().run(page)
    return results.response["violations"]


async def test_the_frame_registers_a_card_and_tells_the_merchant_page(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(VISA)
    await expect(shop.frame.get_by_label("カード番号")).to_have_value("4242 4242 4242 4242")
    await expect(shop.frame.get_by_label("有効期限")).to_have_value("12/30")
    await expect(shop.frame.get_by_role("status")).to_have_text("Visa")
    found = await violations(shop.page, picture=tmp_path / "filled.png")

    await shop.submit()

    told = await shop.wait_until_told("succeeded")
    assert found == []
    assert told["height"] > 0
    assert await shop.status() == "succeeded"


async def test_errors_stand_beside_their_fields(shop: Shop, tmp_path: Path) -> None:
    await shop.fill("4242424242424241")

    await shop.submit()

    told = await shop.wait_until_told("invalid")
    assert told["message"].startswith("カード番号が正しくない")
    assert told["count"] == 1
    number = shop.frame.get_by_label("カード番号")
    await expect(number).to_be_focused()
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(shop.frame.locator("#number-error")).to_have_text(told["message"])
    assert await violations(shop.page, picture=tmp_path / "errors.png") == []


async def test_enter_in_the_last_field_hands_the_card_over(shop: Shop) -> None:
    await shop.fill(VISA)

    await shop.frame.get_by_label("カード名義").press("Enter")

    await shop.wait_until_told("succeeded")


async def test_a_frame_that_ran_out_says_so_to_the_merchant_page(shop: Shop) -> None:
    await shop.fill(VISA)
    await shop.page.request.post(f"{shop.gateway}/_control/clock", data={"now": "2300-01-01T00:00:00+09:00"})

    await shop.submit()

    assert "有効期限が切れました" in (await shop.wait_until_told("expired"))["message"]


async def test_r01_a_brand_that_is_not_accepted_is_told_beside_the_number(shop: Shop) -> None:
    await shop.fill("6011111111111117")
    brand_error = shop.frame.locator("#number-error")
    await expect(brand_error).to_contain_text("American Express、Diners Club です")

    await shop.submit()

    told = await shop.wait_until_told("declined")
    await expect(brand_error).to_have_text(told["message"])
    assert await shop.status() == "declined"


async def test_the_challenge_runs_inside_the_frame(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(CHALLENGED)
    await shop.submit()
    await expect(shop.frame.get_by_text("サンドボックス")).to_be_visible()
    found = await violations(shop.page, picture=tmp_path / "challenge.png")

    await shop.frame.get_by_role("button", name="認証する").click()

    await shop.wait_until_told("succeeded")
    assert found == []
    assert await shop.status() == "succeeded"


async def test_a_refused_challenge_shows_the_fields_again(shop: Shop, tmp_path: Path) -> None:
    await shop.fill(CHALLENGED)
    await shop.submit()
    await shop.frame.get_by_role("button", name="認証しない").click()

    told = await shop.wait_until_told("declined")

    await expect(shop.frame.get_by_role("alert").first).to_have_text(told["message"])
    assert await violations(shop.page, picture=tmp_path / "declined.png") == []


async def test_the_frame_fits_300_pixels_without_scrolling(shop: Shop, tmp_path: Path) -> None:
    await shop.page.set_viewport_size({"width": 332, "height": 700})
    await shop.submit()
    await shop.wait_until_told("invalid")

    size = await shop.frame.locator("html").evaluate(
        "html => [html.clientWidth, html.scrollWidth, html.clientHeight, html.scrollHeight]"
    )

    await shop.page.screenshot(path=tmp_path / "narrow.png", full_page=True)
    assert size[0] == 300
    assert size[1] <= size[0]
    assert size[3] <= size[2]


async def test_no_other_page_may_embed_the_frame_or_hears_it(shop: Shop, browser: Browser) -> None:
    stranger = await started_merchant()
    page = await browser.new_page()
    await page.goto(f"{stranger.make_url('/')}?fields={shop.registration['fields_url']}")
    await page.wait_for_timeout(300)

    told = await page.evaluate("window.told")

    assert told == []
    assert await page.frames[1].locator("input").count() == 0
    await page.close()
    await stranger.close()


async def test_the_hosted_page_works_with_javascript_switched_off(shop: Shop, browser: Browser, tmp_path: Path) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = await context.new_page()
    await page.goto(shop.registration["hosted_url"])
    await expect(page.get_by_text(MERCHANT)).to_be_visible()
    await page.get_by_role("button", name="入力内容を確認する").click()
    await page.screenshot(path=tmp_path / "hosted-errors.png", full_page=True)
    await page.get_by_label("カード番号").fill(CHALLENGED)
    await page.get_by_label("有効期限").fill("12/30")
    await page.get_by_label("セキュリティコード").fill("123")
    await page.get_by_label("カード名義").fill("TARO YAMADA")
    await page.get_by_role("button", name="入力内容を確認する").click()
    await page.screenshot(path=tmp_path / "hosted-challenge.png", full_page=True)
    await expect(page.get_by_text(MERCHANT)).to_be_visible()

    await page.get_by_role("button", name="認証する").click()

    await page.wait_for_url(f"{shop.origin}/back?a=1&registration={shop.registration['id']}")
    assert await shop.status() == "succeeded"
    await context.close()


async def test_the_hosted_page_has_no_accessibility_faults(shop: Shop, tmp_path: Path) -> None:
    await shop.page.goto(shop.registration["hosted_url"])
    fresh = await violations(shop.page, picture=tmp_path / "hosted.png")
    await shop.page.get_by_label("カード番号").fill("4000000000000002")
    await shop.page.get_by_label("有効期限").fill("12/30")
    await shop.page.get_by_label("セキュリティコード").fill("123")
    await shop.page.get_by_label("カード名義").fill("TARO YAMADA")
    await shop.page.get_by_role("button", name="入力内容を確認する").click()
    await expect(shop.page.get_by_role("alert").first).to_contain_text("ご利用いただけませんでした")

    declined = await violations(shop.page, picture=tmp_path / "hosted-declined.png")

    assert (fresh, declined) == ([], [])
