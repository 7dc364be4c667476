"""The pages on a loopback port, with the real gateway emulator behind them and somebody who has a bill to pay."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.usecases.services import Services
from backend.web.app import create_web_app
from backend.web.page_settings import PageSettings
from tests.kit.servers import free_port, serving
from tests.web.site import DialogOnLoopback, Site

TEMPLATES = Path(__file__).parents[2] / "templates"


@pytest.fixture
async def site(services: Services) -> AsyncIterator[Site]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    here = replace(services, public_base_url=base)
    dialog = DialogOnLoopback()
    pages = PageSettings(
        sender_name="つきばらい電力",
        support_phone="0120-000-000",
        templates_dir=TEMPLATES,
        link_origins=(dialog.origin,),
    )
    app = create_web_app(services=here, pages=pages, line_link=dialog)
    async with serving(app, port) as url:
        site = Site(base=url, services=here, dialog=dialog, pages=pages)
        yield site
        await site.close()
