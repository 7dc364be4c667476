"""The command `history`: an order's steps for people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli_history import OpenEngine, history_command
from backend.store.acting import acting
from backend.store.engine import make_engine
from backend.usecases.open_payment_requests import open_payment_requests
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.usecases.payers import payer_with_card, press, session_of


async def test_history_shows_every_step_with_actor_and_evidence(
    ledger: Ledger, clock: FakeClock, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await ledger.bill(await ledger.account(), "2026-11", 8432)
    with acting(actor="timetable", cause="open"):
        await open_payment_requests(ledger.services, now=clock.now())
    with acting(actor="payer", cause="POST /pay/{order_number}/confirm"):
        await press(ledger, await session_of(ledger, await payer_with_card(ledger)))
    [(order_number,)] = await ledger.rows("SELECT order_number FROM payment_request")

    status = await asyncio.to_thread(history_command, open_engine=engine_on(database_url), order_number=order_number)

    said = capsys.readouterr().out
    assert status == 0
    assert "bill B1-2026-11  begins as finalized" in said
    assert "bill B1-2026-11  finalized -> requested  by timetable (open)" in said
    assert f"order {order_number}  open -> settled  by payer (POST /pay/{{order_number}}/confirm)  evidence 1" in said
    assert "card visa 4242  pending -> active  by payer" in said


async def test_an_unknown_order_is_said_to_be_unknown(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = await asyncio.to_thread(history_command, open_engine=engine_on(database_url), order_number="nothing")

    assert status == 1
    assert "There is no order nothing." in capsys.readouterr().err


def engine_on(url: str) -> OpenEngine:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncEngine]:
        engine = make_engine(url, pool_size=1)
        yield engine
        await engine.dispose()

    return opened
