"""Payers who do what people do: press twice, go back, open two tabs, use two telephones, come at the last second."""

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp

from tests.faults.outsiders import Outsiders
from tests.kit.bill_files import BillLine
from tests.kit.simple_browser import Form, SimpleBrowser

GOOD, MASTER, POOR, STOLEN, ASKING = (
    "4242424242424242",
    "5555555555554444",
    "4000000000009995",
    "4000000000009979",
    "4000003800000446",
)
URL = re.compile(r"https?://[^\s\"\\]+/p/[A-Za-z0-9_-]{22}")
_CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")
_PAY, _AGREE, _REGISTER = "お支払い", "同意してカード情報の入力へ", "入力内容を確認する"
_PAID_WORDS = ("お支払いが完了しました", "お支払いは完了しています")
_PATIENCE = 25.0  # seconds for one way through the pages
_TRIES = 4
# What a person sees when processes die: no answer, half an answer, a page of ours that says so.
_TROUBLE = (aiohttp.ClientError, OSError, TimeoutError, AssertionError, KeyError, IndexError)


class Habit(StrEnum):
    """How somebody presses お支払い."""

    ONCE = "once"
    TWICE = "twice"
    BACK = "back"
    TWO_TABS = "two_tabs"
    TWO_DEVICES = "two_devices"
    IMPATIENT = "impatient"
    LAST_SECOND = "last_second"
    NEVER = "never"


@dataclass(kw_only=True)
class Person:
    """One account and its owner. `line_user` None means SMS only."""

    serial: int
    line_user: str | None
    habit: Habit
    cards: list[str]
    abandons: bool  # the card company's question the first time
    outsiders: Outsiders
    web: str
    seen: Counter[str] = field(default_factory=Counter)
    told_paid: set[str] = field(default_factory=set)  # order numbers whose page said: paid
    waiting: list[tuple[SimpleBrowser, Form]] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The customer number."""
        return f"{self.serial:010d}"

    @property
    def phone(self) -> str:
        """The mobile number as printed on contracts."""
        return f"0901{self.serial:07d}"

    @property
    def e164(self) -> str:
        """The same for Twilio."""
        return f"+81{self.phone[1:]}"

    def bill(self, month: str, amount: int) -> BillLine:
        """A line of the retailer's file."""
        return BillLine(customer=self.number, phone=self.phone, month=month, amount=amount, confirmed=f"{month}-08")

    def browser(self) -> SimpleBrowser:
        """A device of this person; every household has its own address."""
        address = f"127.{1 + self.serial % 200}.{self.serial // 200 % 250}.1"
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(address, 0), force_close=True),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=_PATIENCE),
        )
        return SimpleBrowser(session)

    async def texts(self) -> list[str]:
        """Everything on the telephone, LINE and SMS, each as one text."""
        found = []
        if self.line_user:
            chat = await self.outsiders.ask("line", f"users/{self.line_user}/chat")
            found += [str(entry["message"]) for entry in chat["messages"] if entry["sender"] == "bot"]
        chat = await self.outsiders.ask("twilio", f"phones/{self.e164.replace('+', '%2B')}/messages")
        return found + [entry["body"] for entry in chat["messages"] if entry["to"] == self.e164]

    async def newest_url(self) -> str | None:
        """The newest payment URL of each channel; the one by SMS wins, it is the fallback."""
        urls = [url for message in await self.texts() for url in URL.findall(message)]
        return urls[-1] if urls else None

    async def pay(self) -> None:
        """Go through the pages by the newest URL, as this person does it. Trouble ends it; there is a next time."""
        await self._try(self._pay)

    async def come_up_to_the_button(self) -> None:
        """Fill everything in, and leave お支払い for the last second."""

        async def prepare() -> None:
            browser = self.browser()
            form = None
            try:
                if form := await self._to_the_button(browser):
                    self.waiting.append((browser, form))
            finally:
                if form is None:
                    await browser.close()

        await self._try(prepare)

    async def press_at_last(self) -> None:
        """Press what was prepared."""
        for browser, form in self.waiting:
            await self._try(lambda browser=browser, form=form: self._press(browser, form))  # type: ignore[misc]
            await browser.close()
        self.waiting.clear()

    async def say(self, words: str) -> None:
        """Write to the bot."""
        if self.line_user:
            message = {"type": "text", "text": words}
            await self.outsiders.control("line", f"users/{self.line_user}/messages", message)
        else:
            await self.outsiders.control("twilio", "inbound", {"from": self.e164, "body": words})

    async def apply_for_card_change(self) -> None:
        """Fill in the form, with the code that comes by SMS."""
        await self._try(self._apply)

    async def _apply(self) -> None:
        browser = self.browser()
        try:
            await browser.open(f"{self.web}/apply")
            await browser.press("確認コードを送る", customer_number=self.number, phone=self.phone)
            for _ in range(20):
                await asyncio.sleep(0.3)
                if codes := [
                    code for text in await self.texts() for code in _CODE.findall(text) if "確認コード" in text
                ]:
                    await browser.press("カード変更を申し込む", code=codes[-1])
                    self.seen["applied"] += "受け付けました" in browser.text
                    return
        finally:
            await browser.close()

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        """What people do when a page does not come: try again, and give up for today after some tries."""
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await work()
            except _TROUBLE as trouble:
                self.seen[f"trouble: {type(trouble).__name__}"] += 1
                await self._until_served()
        self.seen["gave up"] += 1
        return None

    async def _until_served(self) -> None:
        """Reload until there is any answer."""
        browser = self.browser()
        for _ in range(40):
            await asyncio.sleep(0.25)
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await browser.open(f"{self.web}/healthz")
                break
        await browser.close()

    async def _pay(self) -> None:
        browsers = [self.browser()]
        try:
            form = await self._to_the_button(browsers[0])
            if form is None:
                return
            if self.habit is Habit.TWO_DEVICES:
                browsers.append(self.browser())
                other = await self._to_the_button(browsers[1])
                presses = [self._press(browsers[0], form)]
                presses += [self._press(browsers[1], other)] if other else []
                await _together(presses)
                return
            await self._press_by_habit(browsers[0], form)
        finally:
            for browser in browsers:
                await browser.close()

    async def _press_by_habit(self, browser: SimpleBrowser, form: Form) -> None:
        match self.habit:
            case Habit.TWICE | Habit.TWO_TABS:
                tab = SimpleBrowser(browser.session, browser.url, browser.status, browser.html)
                if self.habit is Habit.TWO_TABS:
                    await tab.open(tab.url)
                await _together([self._press(browser, form), self._press(tab, form)])
            case Habit.BACK:
                at = browser.url
                await self._press(browser, form)
                browser.url = at
                await self._press(browser, form)
            case Habit.IMPATIENT:
                try:
                    async with asyncio.timeout(0.05):
                        await self._press(browser, form)
                except TimeoutError:
                    await self._press(browser, form)
            case _:
                await self._press(browser, form)

    async def _to_the_button(self, browser: SimpleBrowser) -> Form | None:
        """The form of お支払い on the confirmation page; None when there is nothing to pay."""
        url = await self.newest_url()
        if url is None:
            self.seen["no url"] += 1
            return None
        await browser.open(url)
        if _AGREE not in browser.buttons:
            self._note(browser)
            return None
        await browser.press(_AGREE, phone_tail=self.phone[-4:])
        for _ in range(3):
            if hosted := [link for link in browser.links.values() if "/hosted/" in link]:
                break
            self._note(browser)  # the gateway does not answer: the page offers to begin again
            await browser.submit(_form(browser))
        else:
            raise AssertionError("no card fields")
        await browser.open(hosted[0])
        card = self.cards.pop(0) if len(self.cards) > 1 else self.cards[0]
        await browser.press(_REGISTER, number=card, expiry="12/30", cvc="123", name="HANAKO YAMADA")
        return _form(browser, _PAY)

    async def _press(self, browser: SimpleBrowser, form: Form) -> None:
        await browser.submit(form)
        if "本人認証に進む" in browser.links and self.abandons:
            self.abandons = False
        elif "本人認証に進む" in browser.links:
            await browser.open(browser.links["本人認証に進む"])
            question = _form(browser, "認証する")
            question.fields["answer"] = "confirm"
            await browser.submit(question)
        self._note(browser)

    def _note(self, browser: SimpleBrowser) -> None:
        """What the page said; that it said paid will be held against the gateway's books."""
        self.seen[f"page {browser.status}"] += 1
        if any(words in browser.text for words in _PAID_WORDS) and browser.status == 200:
            self.seen["told paid"] += 1
            self.told_paid.update(re.findall(r"ご注文番号[^\d]*(\d{12})", browser.text))


def _form(browser: SimpleBrowser, button: str | None = None) -> Form:
    """The form with this button, or the page's only one."""
    forms = [form for form in browser.forms if button is None or button in form.buttons]
    assert forms, f"no button {button} on {browser.url}: {browser.status} {browser.text[:200]}"
    return forms[0]


async def _together(presses: list[Awaitable[None]]) -> None:
    results = await asyncio.gather(*presses, return_exceptions=True)
    troubles = [result for result in results if isinstance(result, BaseException)]
    if len(troubles) == len(results):
        raise troubles[0]


def a_crowd(count: int, *, dice: random.Random, outsiders: Outsiders, web: str) -> list[Person]:
    """Every habit and every card is there from 24 people on; the dice deal the rest."""
    cards = [[GOOD], [MASTER], [GOOD], [POOR, GOOD], [ASKING], [GOOD], [STOLEN, MASTER], [ASKING]]
    habits = list(Habit)
    return [
        Person(
            serial=serial,
            line_user=f"U{serial:032x}" if dice.random() < 0.6 else None,
            habit=habits[serial % len(habits)] if serial <= 2 * len(habits) else dice.choice(habits),
            cards=list(cards[serial // 2 % len(cards)]),
            abandons=serial % 2 == 0,
            outsiders=outsiders,
            web=web,
        )
        for serial in range(1, count + 1)
    ]
