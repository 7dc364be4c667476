"""An answer that cannot be read or kept: the attempt keeps its schedule, people hear of it, the others go on (f23)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from backend.gateways.sandbox import open_sandbox_gateway
from backend.ports import Evidence, Succeeded, Unknown
from backend.usecases.charge_prepared import charge_due
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.resolve_unknown_payments import resolve_due
from backend.usecases.services import Services
from tests.kit.cards import registered_card
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.servers import free_port, serving
from tests.usecases.batch_rig import Month, month_with, opened, yes

NO_EVIDENCE = Evidence(source="charge", body={})


@asynccontextmanager
async def gateway_that_lists(services: Services, *charges: Mapping[str, Any]) -> AsyncIterator[Services]:
    """No charge is answered; a look-up gets this list."""

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response({"data": list(charges), "has_more": False})

    async def unanswered(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.router.add_get("/v1/charges", listed)
    app.router.add_post("/v1/charges", unanswered)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        yield replace(services, gateway=gateway)


@pytest.mark.parametrize("oddity", ["\x00", "\ud800", float("nan"), 10**400], ids=repr)
async def test_f23_an_answer_with_what_no_database_holds_is_booked_all_the_same(
    ledger: Ledger, clock: FakeClock, services: Services, oddity: object
) -> None:
    account = await ledger.account()
    await registered_card(ledger, account)
    await ledger.bill(account, "2026-11", 8432)
    await open_payment_requests(services, now=clock.now())
    [(attempt,)] = await ledger.rows("SELECT id FROM payment_attempt")
    theirs = {"id": "ch_0", "status": "declined", "amount": 1, "metadata": None}  # made at the gateway's console
    ours = {"id": "ch_1", "status": "succeeded", "amount": 8432, "metadata": {"attempt_id": str(attempt)}}

    async with gateway_that_lists(services, theirs, ours | {"description": oddity}) as odd:
        await charge_due(odd, now=clock.now())
        await resolve_due(odd, now=clock.forward(minutes=2))

    assert await ledger.rows("SELECT state FROM payment_attempt") == [("succeeded",)]


def never_to_be_kept(request: Mapping[str, Any]) -> Succeeded:
    return replace(yes(request), gateway_reference="ch\x00")


async def _never_raises(month: Month, clock: FakeClock, **step: float) -> None:
    await month.ledger.change("UPDATE payment_attempt SET lease_until = NULL")
    await resolve_due(month.services, now=clock.forward(**step))


async def test_f23_what_cannot_be_recorded_is_unknown_and_the_charges_beside_it_are_booked(
    services: Services, clock: FakeClock
) -> None:
    month = month_with(services)
    month.gateway.answer = lambda turn, request: never_to_be_kept(request) if turn == 1 else yes(request)
    await opened(month, customers=3)

    await charge_due(month.services, now=clock.now())

    assert await month.states() == {"succeeded": 2, "unknown": 1}


async def test_f23_a_look_up_that_never_can_be_recorded_becomes_a_task(services: Services, clock: FakeClock) -> None:
    month = month_with(services, Unknown(reason="timeout"))
    await opened(month, customers=1)
    await charge_due(month.services, now=clock.now())
    month.gateway.said_later = Succeeded(gateway_reference="ch\x00", amount=8001, evidence=NO_EVIDENCE)

    await _never_raises(month, clock, minutes=2)
    asked_again = await month.ledger.rows("SELECT state, next_check_at > :now FROM payment_attempt", now=clock.now())
    await _never_raises(month, clock, hours=25)

    assert asked_again == [("unknown", True)]
    assert await month.ledger.rows("SELECT kind FROM staff_task") == [("payment_unknown",)]
