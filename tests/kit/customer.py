"""A demo customer with a telephone: reads messages, opens URLs, types cards, asks the bot."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text

from backend.store import line_accounts
from tests.kit.bill_files import BillLine
from tests.kit.simple_browser import SimpleBrowser
from tests.kit.world import URL, World

LINK_URL = re.compile(r"https?://[^\s\"]+/link/[A-Za-z0-9_-]{22}")
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
VISA = "4242424242424242"
HOSTED = {"number": VISA, "expiry": "12/30", "cvc": "123", "name": "HANAKO YAMADA"}


@dataclass(kw_only=True)
class Customer:
    """One account and its person. `line_user` None means SMS only."""

    world: World
    number: str
    phone: str
    line_user: str | None

    @property
    def e164(self) -> str:
        return "+81" + self.phone[1:]

    def bill(self, month: str, amount: int, *, confirmed: str) -> BillLine:
        return BillLine(customer=self.number, phone=self.phone, month=month, amount=amount, confirmed=confirmed)

    async def link_line(self) -> None:
        """Become a LINE friend whose account is linked (the flow itself is tested elsewhere)."""
        base = self.world.settings.line_api_base
        await self.world.control(base, "users/bulk", {"userIds": [self.line_user]})
        services = self.world.parts.services
        async with services.engine.begin() as connection:
            query = text("SELECT id FROM account WHERE customer_number = :number")
            account_id = (await connection.execute(query, {"number": self.number})).scalar_one()
            await line_accounts.link(
                connection, account_id=account_id, line_user_id=str(self.line_user), now=services.clock.now()
            )

    async def inbox(self) -> list[str]:
        """What has arrived on this telephone from us, oldest first, each as one text."""
        if self.line_user:
            base = self.world.settings.line_api_base
            chat = await self.world.truth(base, f"users/{self.line_user}/chat")
            return [_words(entry["message"]) for entry in chat["messages"] if entry["sender"] == "bot"]
        base = self.world.settings.twilio_api_base
        await self.world.truth(base, "idle?timeout=10")
        chat = await self.world.truth(base, f"phones/{self.e164.replace('+', '%2B')}/messages")
        return [entry["body"] for entry in chat["messages"] if entry["to"] == self.e164]

    async def urls(self) -> list[str]:
        """Every payment URL received, oldest first."""
        return [url for message in await self.inbox() for url in URL.findall(message)]

    async def sms_urls(self) -> list[str]:
        """Every payment URL that came to the same person by SMS."""
        return await replace(self, line_user=None).urls()

    async def say(self, words: str) -> str:
        """Write to the bot; returns its answer."""
        before = len(await self.inbox())
        if self.line_user:
            message = {"type": "text", "text": words}
            await self.world.control(self.world.settings.line_api_base, f"users/{self.line_user}/messages", message)
        else:
            message = {"from": self.e164, "body": words}
            await self.world.control(self.world.settings.twilio_api_base, "inbound", message)
        await self.world.rest()
        return "\n".join((await self.inbox())[before:])

    async def pay(self, url: str, *, card: str = VISA) -> SimpleBrowser:
        """Go through the pages without JavaScript, up to the page after お支払い."""
        browser = await self.enter_card(url, card=card)
        await browser.press("お支払い")
        await self.world.rest()
        return browser

    async def enter_card(self, url: str, *, card: str = VISA) -> SimpleBrowser:
        """Prove who we are and register a card; stops on the confirmation page."""
        browser = self.world.browser()
        await browser.open(url)
        await browser.press("同意してカード情報の入力へ", phone_tail=self.phone[-4:])
        hosted = next(link for link in browser.links.values() if "/hosted/" in link)
        await browser.open(hosted)
        await browser.press("入力内容を確認する", **{**HOSTED, "number": card})
        return browser

    async def apply_for_card_change(self) -> SimpleBrowser:
        """Fill in the application form, with the code that comes by SMS."""
        browser = self.world.browser()
        await browser.open(f"{self.world.settings.public_base_url}/apply")
        await browser.press("確認コードを送る", customer_number=self.number, phone=self.phone)
        await self.world.rest()
        await browser.press("カード変更を申し込む", code=await self.code())
        await self.world.rest()
        return browser

    async def begin_linking(self, offer: str) -> SimpleBrowser:
        """Open the URL of the bot's offer and ask for a code."""
        browser = self.world.browser()
        await browser.open(LINK_URL.findall(offer)[-1])
        await browser.press("確認コードを送る", customer_number=self.number, phone=self.phone)
        await self.world.rest()
        return browser

    async def link_account_from(self, offer: str) -> SimpleBrowser:
        """Go through our pages and LINE's dialog."""
        browser = await self.begin_linking(offer)
        await browser.press("LINEと連携する", code=await self.code())
        [dialog] = browser.buttons[:1]
        await browser.press(dialog)
        await self.world.rest()
        return browser

    async def code(self) -> str:
        """The newest one-time code on this telephone."""
        base = self.world.settings.twilio_api_base
        chat = await self.world.truth(base, f"phones/{self.e164.replace('+', '%2B')}/messages")
        return [found for entry in chat["messages"] for found in CODE.findall(entry["body"])][-1]


async def linked_customer(world: World, *, line_user: str) -> Customer:
    """Somebody on LINE whose bill of November is confirmed and not asked for yet."""
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=line_user)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await customer.link_line()
    return customer


def _words(message: dict[str, Any]) -> str:
    """Everything that a message shows or leads to."""
    return message["text"] if message["type"] == "text" else json.dumps(message, ensure_ascii=False)
