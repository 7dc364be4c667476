"""The two screens on which the tests look at the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page


@asynccontextmanager
async def opened(browser: Browser, address: str, *, width: int, height: int) -> AsyncIterator[Page]:
    """The page with everything loaded; it must not complain in the console."""
    context = await browser.new_context(viewport={"width": width, "height": height}, locale="ja-JP")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(address)
    await page.wait_for_selector('body[data-ready="true"]')
    yield page
    assert complaints == []
    await context.close()
