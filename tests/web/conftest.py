"""The pages on a loopback port, with the real gateway emulator behind them."""

from collections.abc import AsyncIterator

import pytest

from backend.usecases.services import Services
from tests.web.site import Site, running_site


@pytest.fixture
async def site(services: Services, gateway_emulator: str) -> AsyncIterator[Site]:
    async with running_site(services, gateway=gateway_emulator) as site:
        yield site
