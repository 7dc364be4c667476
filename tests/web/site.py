"""Hands and eyes for the tests of the pages: people with bills, browsers, and a dump of every table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import text

from backend.domain.identifiers import derive_token
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.services import Services
from backend.web.app import create_web_app
from backend.web.client_address import Networks
from backend.web.page_settings import PageSettings
from tests.kit.ledger import Ledger
from tests.kit.servers import free_port, serving
from tests.kit.simple_browser import SimpleBrowser

TEMPLATES = Path(__file__).parents[2] / "templates"

VISA = "4242424242424242"
DECLINES_ALWAYS = "4000000000009995"
DECLINES_TOO = "4000000000000341"
STOLEN = "4000000000009979"
ASKS_ISSUER = "4000003800000446"
OUR_FAULT = "4000000000009953"
CONSENT = "同意してカード情報の入力へ"
CHECK = "入力内容を確認する"
PAY = "お支払い"
BACK = "前画面に戻る"
ENTER_AGAIN = "カード情報をもう一度入力する"


class DialogOnLoopback:
    """LINE's dialog, as far as our page knows it: an address, or none when LINE does not answer."""

    origin = "http://127.0.0.1:9"

    def __init__(self) -> None:
        self.is_away = False
        self.asked: list[tuple[str, str]] = []

    async def dialog_url(self, *, line_user_id: str, nonce: str) -> str | None:
        self.asked.append((line_user_id, nonce))
        return None if self.is_away else f"{self.origin}/dialog?nonce={nonce}"


@dataclass(frozen=True, kw_only=True)
class Payer:
    """Somebody with a URL."""

    account_id: int
    order_number: str
    token: str
    phone_tail: str


@dataclass(kw_only=True)
class Site:
    base: str
    gateway: str  # the emulator's address
    services: Services
    dialog: DialogOnLoopback
    pages: PageSettings
    browsers: list[SimpleBrowser] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        return Ledger(services=self.services)

    def browser(self) -> SimpleBrowser:
        self.browsers.append(SimpleBrowser.new())
        return self.browsers[-1]

    async def close(self) -> None:
        for browser in self.browsers:
            await browser.close()

    async def payer(self, serial: int = 1, *bills: tuple[str, int]) -> Payer:
        """An account whose bills are open to be paid by a URL."""
        account_id = await self.ledger.account(serial)
        for month, amount in bills or (("2026-11", 7_480),):
            await self.ledger.bill(account_id, month, amount, confirmed="2026-11-08")
        await open_payment_requests(self.services, now=self.services.clock.now())
        return await self.payer_of(account_id)

    async def payer_of(self, account_id: int) -> Payer:
        """The newest URL of an account."""
        rows = await self.ledger.rows(
            "SELECT l.id, r.order_number, right(a.phone, 4) FROM payment_link l JOIN payment_request r "
            "ON r.id = l.request_id JOIN account a ON a.id = r.account_id WHERE a.id = :id ORDER BY r.id DESC LIMIT 1",
            id=account_id,
        )
        link_id, order_number, tail = rows[0]
        token = derive_token(secret=self.services.link_secret, link_id=link_id)
        return Payer(account_id=account_id, order_number=order_number, token=token, phone_tail=tail)

    async def open(self, payer: Payer) -> SimpleBrowser:
        return await self.browser().open(f"{self.base}/p/{payer.token}")

    async def prove(self, payer: Payer) -> SimpleBrowser:
        """Up to the entry page."""
        browser = await self.open(payer)
        return await browser.press(CONSENT, phone_tail=payer.phone_tail)

    async def type_card(self, browser: SimpleBrowser, number: str = VISA) -> SimpleBrowser:
        """From the entry page over the gateway's hosted page, to the confirmation."""
        hosted = next(link for link in browser.links.values() if "/hosted/" in link)
        await browser.open(hosted)
        return await browser.press(CHECK, number=number, expiry="12/30", cvc="123", name="HANAKO YAMADA")

    async def to_confirmation(self, payer: Payer, number: str = VISA) -> SimpleBrowser:
        return await self.type_card(await self.prove(payer), number)

    async def pay(self, payer: Payer, number: str = VISA) -> SimpleBrowser:
        browser = await self.to_confirmation(payer, number)
        return await browser.press(PAY)

    async def decline_five_times(self, payer: Payer) -> SimpleBrowser:
        """With two cards, since one is not tried more than three times."""
        browser = await self.pay(payer, DECLINES_ALWAYS)
        for number in (DECLINES_ALWAYS, DECLINES_ALWAYS, DECLINES_TOO, DECLINES_TOO):
            await browser.press(ENTER_AGAIN)
            await self.type_card(browser, number)
            await browser.press(PAY)
        return browser

    async def charges(self) -> list[dict[str, Any]]:
        """What the gateway really took or refused."""
        return (await self._gateway("GET", "truth"))["charges"]  # type: ignore[no-any-return]

    async def control(self, what: str, body: dict[str, Any]) -> None:
        await self._gateway("POST", what, body)

    async def _gateway(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        address = f"{self.gateway}/_control/{what}"
        async with aiohttp.ClientSession() as http, http.request(method, address, json=body) as got:
            assert got.status < 300, await got.text()
            return await got.json()

    async def dump(self) -> dict[str, list[str]]:
        """Every row of every table, as text."""
        tables = await self.ledger.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {name: await self._rows_of(name) for (name,) in tables}

    async def _rows_of(self, table: str) -> list[str]:
        async with self.services.engine.begin() as connection:
            found = await connection.execute(text(f'SELECT t::text FROM "{table}" t ORDER BY 1'))  # noqa: S608
            return list(found.scalars())


@asynccontextmanager
async def running_site(services: Services, *, gateway: str, trusted_proxies: Networks = ()) -> AsyncIterator[Site]:
    """Serve the pages on a free port, which is their public address."""
    port = free_port()
    here = replace(services, public_base_url=f"http://127.0.0.1:{port}")
    dialog = DialogOnLoopback()
    pages = PageSettings(
        sender_name="つきばらい電力",
        support_phone="0120-000-000",
        templates_dir=TEMPLATES,
        link_origins=(dialog.origin,),
        trusted_proxies=trusted_proxies,
    )
    app = create_web_app(services=here, pages=pages, line_link=dialog)
    async with serving(app, port) as url:
        site = Site(base=url, gateway=gateway, services=here, dialog=dialog, pages=pages)
        yield site
        await site.close()
