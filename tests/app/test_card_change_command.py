"""`tsukibarai withdraw-card-change`, as the person at the telephone meets it: words and exit statuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.card_change_desk import OpenServices, withdraw_command
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.request_card_change import request_card_change
from backend.usecases.services import Services
from tests.app.test_commands import environment
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.commands import run
from tests.kit.ledger import Ledger
from tests.kit.world import World

NUMBER = "0000000001"


@pytest.fixture
def desk(services: Services) -> OpenServices:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        yield services

    return opened


async def test_a_withdrawn_application_leaves_the_registered_card_in_charge(
    desk: OpenServices, ledger: Ledger, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await request_card_change(ledger.services, account_id=account, now=clock.now())

    status = await withdraw_command(NUMBER, open_services=desk)
    await ledger.bill(account, "2026-11", 8432, confirmed="2026-11-08")
    await open_payment_requests(ledger.services, now=clock.now())

    assert status == 0
    assert f"customer {NUMBER} is charged on the registered card again" in capsys.readouterr().out
    assert await ledger.rows("SELECT state FROM card_change_request") == [("withdrawn",)]
    assert await ledger.rows("SELECT way FROM payment_request") == [("automatic",)]


async def test_there_must_be_a_customer_with_an_application(
    desk: OpenServices, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    await ledger.account()

    statuses = [await withdraw_command(number, open_services=desk) for number in (NUMBER, "none")]

    assert statuses == [1, 1]
    assert capsys.readouterr().err.splitlines() == [
        f"Customer {NUMBER} has no application that waits.",
        "There is no customer none.",
    ]


async def test_the_command_takes_the_customer_number(world: World, database_url: str) -> None:
    status, said = await run("withdraw-card-change", "--customer", "none", env=environment(world, database_url))

    assert (status, said.strip()) == (1, "There is no customer none.")
