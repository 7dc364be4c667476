from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from gateway_rig import (
    BASE,
    SECRET,
    WEBHOOK_SECRET,
    MovableClock,
    Receiver,
    Rig,
    receiving_server,
)
from pytest_aiohttp.plugin import AiohttpClient

from emulators.gateway.app import GatewayConfig, create_app


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def gateway(aiohttp_client: AiohttpClient, clock: MovableClock) -> Rig:
    config = GatewayConfig(secret_key=SECRET, webhook_secret=WEBHOOK_SECRET, webhook_url=None, public_base=BASE)
    client = await aiohttp_client(create_app(config=config, clock=clock))
    return Rig(client=client, clock=clock)


@pytest.fixture
async def receiver(gateway: Rig) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server: TestServer = await receiving_server(receiver)
    await gateway.control("config", {"webhook_url": str(server.make_url("/hook"))})
    yield receiver
    await server.close()
