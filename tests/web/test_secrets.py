"""Card numbers, tokens and codes stay out of every row and every log line."""

import io
import json

import structlog
from aiohttp import web

from app.logs import configure_logs
from backend.web.access_log import AccessLogger
from backend.web.app import create_web_app
from tests.kit.servers import free_port
from tests.web.site import DECLINES_ALWAYS, ENTER_AGAIN, PAY, VISA, Site

CARDS = (VISA, DECLINES_ALWAYS, "5555555555554444")


async def test_no_row_holds_a_card_number_a_security_code_or_a_client_token(site: Site) -> None:
    payer = await site.payer()
    browser = await site.prove(payer)
    hosted = next(link for link in browser.links.values() if "/hosted/" in link)
    await site.type_card(browser, DECLINES_ALWAYS)
    await browser.press(PAY)
    await browser.press(ENTER_AGAIN)
    await site.type_card(browser)
    await browser.press(PAY)

    rows = [row for table in (await site.dump()).values() for row in table]

    assert [row for row in rows for card in CARDS if card in row] == []
    assert [row for row in rows if hosted.rpartition("/")[2] in row] == []
    assert [row for row in rows if payer.token in row] == []


async def test_the_card_number_never_comes_to_our_server(site: Site) -> None:
    browser = await site.to_confirmation(await site.payer())

    assert all(card not in browser.html for card in CARDS)
    assert "4242" in browser.text


async def test_the_access_log_names_routes_and_never_paths(site: Site) -> None:
    payer = await site.payer()
    lines = io.StringIO()
    before = structlog.get_config()
    configure_logs(to=lines)

    try:
        await _visit_with_access_log(site, f"/p/{payer.token}", "/secret-path-4242")
    finally:
        structlog.configure(**before)

    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    seen = [(line["route"], line["status"], line["method"]) for line in logged if line["event"] == "request"]
    assert seen == [("/p/{token}", 200, "GET"), ("-", 404, "GET")]
    assert payer.token not in lines.getvalue()
    assert "secret-path" not in lines.getvalue()


async def _visit_with_access_log(site: Site, *paths: str) -> None:
    port = free_port()
    app = create_web_app(services=site.services, pages=site.pages, line_link=site.dialog)
    runner = web.AppRunner(app, access_log_class=AccessLogger, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    own_host = site.base.removeprefix("http://")
    browser = site.browser()
    for path in paths:
        async with browser.session.get(f"http://127.0.0.1:{port}{path}", headers={"Host": own_host}):
            pass
    await runner.cleanup()
