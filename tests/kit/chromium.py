"""A real Chromium for the tests, found by `make test` (CHROME_PATH) or on the PATH."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=ja",
)


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Launch the browser of this machine, without a window."""
    named = os.environ.get("CHROME_PATH")  # noqa: TID251 - set by `make test`
    path = named or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "no Chromium: run `make test`, or set CHROME_PATH"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()
