"""The payment pages in real Chromium: the gateway's frame, 3-D Secure, narrow screens, the keyboard, axe, no script."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from app.settings import SANDBOX_SECRET
from backend.domain.states import StopScope
from backend.gateways.sandbox import open_sandbox_gateway
from backend.usecases.brake import pull_brake
from backend.usecases.charge_prepared import charge_due
from backend.usecases.expire_payment_requests import expire_payment_requests
from backend.usecases.services import Services
from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from tests.kit.chromium import running_chromium
from tests.kit.clock import FakeClock
from tests.kit.servers import free_port, serving
from tests.web.people import SEND_CODE
from tests.web.site import ASKS_ISSUER, BACK, CHECK, CONSENT, DECLINES_ALWAYS, PAY, VISA, Payer, Site, running_site

pytestmark = pytest.mark.browser

Look = Callable[[Page], Awaitable[None]]
NARROW = {"width": 320, "height": 640}
WITH_CHALLENGE = "4000002500003155"
REFUSED_AT_ENTRY = "4000000000000002"
TAIL = "ご契約のお電話番号の下4桁"
ELSEWHERE = "カード情報を入力する"

# A press whose answer is not there yet; Playwright's own locators would wait for it.
_PRESS_AND_LOOK = """() => {
  const form = document.querySelector("form[data-once]");
  const button = form.querySelector("button");
  button.click();
  const look = () => [button.disabled, form.querySelector("[role=status]").textContent];
  return new Promise((resolve) => setTimeout(() => resolve(look()), 50));
}"""


# As the browser's own setting would do it.
_LETTERS_TWICE_AS_LARGE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("html { font-size: 225%; }");
  document.adoptedStyleSheets = [sheet];
}"""

# A message as the frame would send it, which says where it comes from.
_SPEAK = """(origin) => {
  const frame = document.getElementById("card-frame");
  window.dispatchEvent(new MessageEvent("message", {
    origin, source: frame.contentWindow, data: { source: "tsukibarai-gateway", type: "invalid", message: origin },
  }));
}"""


@pytest.fixture
async def site(services: Services, gateway_emulator: str) -> AsyncIterator[Site]:
    async with running_site(services, gateway=gateway_emulator) as site:
        yield site


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def device(browser: Browser) -> BrowserContext:
    return await browser.new_context(viewport=NARROW, locale="ja-JP")


@pytest.fixture
async def page(device: BrowserContext) -> Page:
    return await device.new_page()


async def test_a_payer_pays_in_the_frame_with_3d_secure_and_nothing_is_blocked(site: Site, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda problem: complaints.append(str(problem)))
    await _prove(site, page, await site.payer())

    await _type_card(page, WITH_CHALLENGE)
    await expect(page.get_by_text("カード会社の本人認証の画面です")).to_be_visible()
    await expect(page.locator("#card-frame")).to_be_focused()
    await page.frame_locator("#card-frame").get_by_role("button", name="認証する").click()
    await page.get_by_role("button", name=PAY, exact=True).click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("お支払いが完了しました")
    assert complaints == []


async def test_a_frame_at_another_name_than_the_one_we_call_is_shown_and_heard(
    services: Services, clock: FakeClock, page: Page
) -> None:
    port = free_port()
    async with (
        serving(create_gateway(config=_gateway_at(f"http://localhost:{port}"), clock=clock.now), port) as base,
        open_sandbox_gateway(base=base, key=SANDBOX_SECRET, webhook_secret=SANDBOX_SECRET) as gateway,
        running_site(replace(services, gateway=gateway), gateway=base) as site,
    ):
        await _prove(site, page, await site.payer())

        # By keyboard: a frame of another site is drawn by another process, and a click just after scrolling may miss.
        await _fill_in_card(page, WITH_CHALLENGE)
        await page.get_by_role("button", name=CHECK).press("Enter")
        await page.frame_locator("#card-frame").get_by_role("button", name="認証する").press("Enter")

        await expect(page.get_by_role("button", name=PAY, exact=True)).to_be_visible()


async def test_who_speaks_from_another_origin_than_the_frames_is_not_heard(site: Site, page: Page) -> None:
    await _prove(site, page, await site.payer())
    await expect(page.get_by_role("button", name=CHECK)).to_be_enabled()

    await page.evaluate(_SPEAK, "http://stranger.example")
    unheard = await page.locator("#card-error").text_content()
    await page.evaluate(_SPEAK, site.gateway)

    assert unheard == ""
    await expect(page.locator("#card-error")).to_have_text(site.gateway)


async def test_the_frames_words_are_told_on_our_page_and_the_button_rests(site: Site, page: Page) -> None:
    await _prove(site, page, await site.payer())

    await page.get_by_role("button", name=CHECK).click()
    await expect(page.locator("#card-error")).to_have_text("入力をご確認いただく欄が4か所あります。")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await _type_card(page, REFUSED_AT_ENTRY)

    await expect(page.locator("#card-error")).to_contain_text("ご利用いただけませんでした")
    await expect(page.get_by_role("button", name=CHECK)).to_be_focused()


async def test_without_our_script_the_gateways_page_is_offered(site: Site, page: Page) -> None:
    await page.route("**/static/pages.*.js", _fail)

    await _prove(site, page, await site.payer())
    await page.get_by_role("link", name=ELSEWHERE).click()

    await expect(page.get_by_label("カード番号")).to_be_visible()


async def test_a_frame_that_does_not_come_is_waited_for_and_then_replaced_by_the_gateways_page(
    site: Site, page: Page
) -> None:
    await page.clock.install()
    await page.route("**/fields/*", _never_answer_at_all)

    await _prove(site, page, await site.payer())
    await expect(page.get_by_role("status")).to_have_text("カードの入力欄を読み込んでいます…")
    await expect(page.get_by_role("button", name=CHECK)).to_be_disabled()
    await expect(page.get_by_role("link", name=ELSEWHERE)).to_be_hidden()
    await page.clock.run_for(10_000)

    await expect(page.get_by_role("status")).to_contain_text("カードの入力欄を表示できません")
    await expect(page.get_by_role("button", name=CHECK)).to_be_hidden()
    await expect(page.get_by_role("link", name=ELSEWHERE)).to_be_visible()


async def test_when_the_card_entry_runs_out_the_page_is_opened_anew(site: Site, page: Page) -> None:
    await _prove(site, page, await site.payer())
    await _fill_in_card(page, VISA)
    await site.control("clock", {"now": "2026-11-21T00:00:01+09:00"})

    await page.get_by_role("button", name=CHECK).click()
    await expect(page.get_by_role("link", name="画面を開き直す")).to_be_focused()
    await expect(page.get_by_role("button", name=CHECK)).to_be_hidden()
    await page.get_by_role("link", name="画面を開き直す").click()

    await expect(page.get_by_role("alert")).to_contain_text("有効期限が切れました")


async def test_the_payment_button_rests_after_the_first_press(site: Site, page: Page) -> None:
    payer = await site.payer()
    await _prove(site, page, payer)
    await _type_card(page, VISA)
    await expect(page.get_by_role("button", name=BACK)).to_be_visible()
    await page.route("**/confirm", _never_answer)

    is_resting, said = await page.evaluate(_PRESS_AND_LOOK)

    assert is_resting
    assert said == "お支払いの処理をしています。そのままお待ちください。"


async def test_the_keyboard_alone_leads_through_the_payment(site: Site, page: Page) -> None:
    payer = await site.payer()
    await page.goto(f"{site.base}/p/{payer.token}")

    await _tab_to(page, "phone_tail")
    await page.keyboard.type(payer.phone_tail)
    await page.keyboard.press("Enter")
    await page.frame_locator("#card-frame").locator("#number").focus()
    for typed in (VISA, "1230", "123", "HANAKO YAMADA"):
        await page.keyboard.type(typed)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name=PAY, exact=True)).to_be_visible()
    await page.get_by_role("button", name=PAY, exact=True).focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("お支払いが完了しました")


async def test_f44_without_javascript_the_card_is_entered_on_the_gateways_page(site: Site, browser: Browser) -> None:
    device = await browser.new_context(viewport=NARROW, locale="ja-JP", java_script_enabled=False)
    page = await device.new_page()
    await _prove(site, page, await site.payer())

    await page.get_by_role("link", name=ELSEWHERE).click()
    for name, value in (("number", VISA), ("expiry", "12/30"), ("cvc", "123"), ("name", "HANAKO YAMADA")):
        await page.locator(f"#{name}").fill(value)
    await page.get_by_role("button", name=CHECK).click()
    await page.get_by_role("button", name=PAY, exact=True).click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("お支払いが完了しました")


async def test_every_page_fits_a_narrow_screen_and_axe_finds_nothing(site: Site, page: Page) -> None:
    payer, declined, asked = await site.payer(1), await site.payer(2), await site.payer(3)

    await page.goto(f"{site.base}/p/{payer.token}")
    await _is_sound(page)
    await page.get_by_label(TAIL).fill("1")
    await page.get_by_role("button", name=CONSENT).click()
    await _is_sound(page)
    await _prove(site, page, payer)
    await _is_sound(page)
    await _pay(page, VISA, stop_at=_is_sound)
    await _is_sound(page)
    for other, card in ((declined, DECLINES_ALWAYS), (asked, ASKS_ISSUER)):
        await _prove(site, page, other)
        await _pay(page, card)
        await _is_sound(page)
    await page.goto(f"{site.base}/p/{declined.token}")
    await _is_sound(page, says="お手続きの途中です")
    await page.context.clear_cookies()
    await page.goto(f"{site.base}/p/{asked.token}")
    await _is_sound(page, says="本人認証")
    for path in (f"/p/{payer.token}", "/p/unknown", "/pay/1/done", "/apply", "/apply/received", "/link/unknown"):
        await page.goto(f"{site.base}{path}")
        await _is_sound(page)


async def test_letters_twice_as_large_still_fit_a_narrow_screen(site: Site, page: Page) -> None:
    await page.goto(f"{site.base}/p/{(await site.payer(1, ('2026-10', 116_120), ('2026-11', 7_480))).token}")

    await page.evaluate(_LETTERS_TWICE_AS_LARGE)

    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert await page.locator(".figure").evaluate("(figure) => figure.scrollWidth <= figure.clientWidth")
    assert await page.locator(".steps .name").evaluate_all("(names) => names.map((name) => name.clientWidth > 1)") == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.leaves_violations("an amount that its bills contradict is planted")
async def test_the_pages_of_rare_states_are_as_sound(site: Site, page: Page, clock: FakeClock) -> None:
    waiting, doubted = await site.payer(1), await site.payer(2)

    await site.control("faults", {"rules": [{"path": "/v1/charges", "method": "POST", "kind": "429"}]})
    await _prove(site, page, waiting)
    await _pay(page, VISA)
    await _is_sound(page, says="結果を確認中です")
    await charge_due(site.services, now=clock.forward(minutes=6))
    await page.reload()
    await _is_sound(page, says="お支払いが完了していません")
    await site.ledger.forget("UPDATE bill SET amount = amount + 1 WHERE account_id = (SELECT max(id) FROM account)")
    await page.goto(f"{site.base}/p/{doubted.token}")
    await _is_sound(page, says="ご請求金額を確認中です")
    await pull_brake(site.services.engine, scope=StopScope.ALL, by="Sato", note="a look", now=clock.now())
    await page.goto(f"{site.base}/p/{waiting.token}")
    await _is_sound(page, says="一時止めています")
    await expire_payment_requests(site.services, now=clock.go_to("2026-11-21T00:00"))
    await page.goto(f"{site.base}/p/{waiting.token}")
    await _is_sound(page, says="期限")


async def test_the_forms_say_what_is_wrong_to_everybody(site: Site, page: Page) -> None:
    await page.goto(f"{site.base}/apply")

    await page.get_by_role("button", name=SEND_CODE).click()

    await expect(page.get_by_role("alert")).to_have_text("入力をご確認いただく欄が2か所あります。")
    await expect(page.get_by_label("お客様番号")).to_be_focused()
    await expect(page.get_by_label("お客様番号")).to_be_in_viewport()
    await _is_sound(page)


def _gateway_at(public_base: str) -> GatewayConfig:
    return GatewayConfig(
        secret_key=SANDBOX_SECRET, webhook_secret=SANDBOX_SECRET, webhook_url=None, public_base=public_base
    )


async def _prove(site: Site, page: Page, payer: Payer) -> None:
    await page.goto(f"{site.base}/p/{payer.token}")
    await page.get_by_label(TAIL).fill(payer.phone_tail)
    await page.get_by_role("button", name=CONSENT).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("カード情報の入力")


async def _type_card(page: Page, number: str) -> None:
    await _fill_in_card(page, number)
    await page.get_by_role("button", name=CHECK).click()


async def _fill_in_card(page: Page, number: str) -> None:
    frame = page.frame_locator("#card-frame")
    for name, value in (("number", number), ("expiry", "12/30"), ("cvc", "123"), ("name", "HANAKO YAMADA")):
        await frame.locator(f"#{name}").fill(value)


async def _pay(page: Page, number: str, *, stop_at: Look | None = None) -> None:
    await _type_card(page, number)
    await expect(page.get_by_role("button", name=BACK)).to_be_visible()
    if stop_at:
        await stop_at(page)
    await page.get_by_role("button", name=PAY, exact=True).click()
    await page.wait_for_url("**/done")


async def _tab_to(page: Page, identifier: str) -> None:
    for _ in range(10):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == identifier:
            return
    raise AssertionError(f"the keyboard does not reach {identifier}")


async def _is_sound(page: Page, *, says: str = "") -> None:
    """Nothing sticks out at 320 px, one h1, letters of 16 px or more, and axe finds nothing."""
    await expect(page.locator("main")).to_contain_text(says)
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.url
    assert await page.locator("h1").count() == 1
    smallest = await page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *:not([type=hidden]), footer *')].map("
        "element => parseFloat(getComputedStyle(element).fontSize)))"
    )
    assert smallest >= 16, page.url
    found = await Axe().run(page)
    assert found.response["violations"] == [], (page.url, found.generate_report())


async def _fail(route: Route) -> None:
    """The network loses it."""
    await route.abort()


async def _never_answer_at_all(route: Route) -> None:
    """Not even a failure comes."""
    del route


async def _never_answer(route: Route) -> None:
    """The server thinks for ever: what the page looks like meanwhile."""
    if route.request.method != "POST":
        await route.continue_()
