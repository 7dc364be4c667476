"""Fixtures shared by all tests: a fresh real database, a clock that obeys, the gateway emulator, the services."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.settings import SANDBOX_SECRET
from backend.domain.billing_calendar import BillingCalendar
from backend.gateways.sandbox import SandboxGateway, open_sandbox_gateway
from backend.store.engine import make_engine
from backend.usecases.services import Services
from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from tests.kit.clock import FakeClock
from tests.kit.databases import cloned_database, create_database, make_template, postgres_server
from tests.kit.ledger import Ledger
from tests.kit.open_transactions import TransactionWatch, watched_transactions
from tests.kit.servers import free_port, serving
from tests.kit.verification import leaves_violations, must_verify
from tests.kit.world import BEGINNING, World, live_until_the_beginning, running_world


def pytest_configure() -> None:
    """Log failures in a few plain lines: a picture of every local variable takes seconds each."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    # Nothing here speaks TLS, and each client would read 140 certificates.
    os.environ["SSL_CERT_FILE"] = os.devnull  # noqa: TID251 - for the libraries


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End with the fault harness: its many processes would slow everything else down."""
    items.sort(key=lambda item: "faults" in item.path.parts)


def pytest_collection_finish() -> None:
    """Spare every later collection of garbage the walk through the libraries."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def open_transactions() -> Iterator[TransactionWatch]:
    """Every test fails in which the product calls the outside while a database transaction is open."""
    with watched_transactions() as watch:
        yield watch
    assert watch.violations == [], "\n".join(watch.violations)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The server's address and the name of the migrated template."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as url:
        yield url, asyncio.run(make_template(url))


@pytest.fixture(scope="session")
def begun_template(postgres: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The template of worlds: what is due on their first day has been done, once for all of them."""
    server, template = postgres
    name = f"{template}_begun"

    async def begin() -> None:
        url = await create_database(server, name, template=template)
        await live_until_the_beginning(database_url=url, folder=tmp_path_factory.mktemp("beginning"))

    asyncio.run(begin())
    return name


@pytest.fixture
def template(postgres: tuple[str, str], request: pytest.FixtureRequest) -> str:
    name: str = request.getfixturevalue("begun_template") if "world" in request.fixturenames else postgres[1]
    return name


@pytest.fixture
async def database_url(postgres: tuple[str, str], template: str) -> AsyncIterator[str]:
    async with cloned_database(postgres[0], template) as url:
        yield url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def engine(database_url: str, clock: FakeClock, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """The database, held against the product's invariants when the test has ended."""
    engine = make_engine(database_url)
    yield engine
    if not leaves_violations(request):
        await must_verify(engine, now=clock.now(), has_workers=False)
    await engine.dispose()


@pytest.fixture
async def gateway_emulator(clock: FakeClock) -> AsyncIterator[str]:
    """The card gateway's address; its `/_control` tells the truth of what it received."""
    port = free_port()
    config = GatewayConfig(
        secret_key=SANDBOX_SECRET,
        webhook_secret=SANDBOX_SECRET,
        webhook_url=None,
        public_base=f"http://127.0.0.1:{port}",
    )
    async with serving(create_gateway(config=config, clock=clock.now), port) as url:
        yield url


@pytest.fixture
async def gateway(gateway_emulator: str) -> AsyncIterator[SandboxGateway]:
    async with open_sandbox_gateway(
        base=gateway_emulator, key=SANDBOX_SECRET, webhook_secret=SANDBOX_SECRET
    ) as gateway:
        yield gateway


@pytest.fixture
def services(engine: AsyncEngine, clock: FakeClock, gateway: SandboxGateway) -> Services:
    return Services(
        engine=engine,
        clock=clock,
        gateway=gateway,
        calendar=BillingCalendar(),
        link_secret=SANDBOX_SECRET.encode(),
        public_base_url="http://127.0.0.1:8080",
    )


@pytest.fixture
async def world(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The whole product with its outsiders, on 1 November 2026; its invariants hold when the test has ended.

    And no SMS had more than two segments, as the stand-in counts them.
    """
    async with running_world(database_url=database_url, folder=tmp_path) as world:
        await world.travel(BEGINNING)
        yield world
        assert await world.longest_sms() <= 2
        if not leaves_violations(request):
            services = world.parts.services
            await must_verify(services.engine, now=services.clock.now(), has_workers=True)


@pytest.fixture
def ledger(services: Services) -> Ledger:
    return Ledger(services=services)
