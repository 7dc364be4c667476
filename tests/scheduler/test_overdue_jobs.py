"""A job that cannot be done: the others go on without it, and people hear of it within a day (f22)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from backend.gateways.sandbox import open_sandbox_gateway
from backend.ports import GatewayUnavailableError
from backend.store import jobs as runs
from backend.store.engine import transaction
from backend.usecases.services import Services
from backend.usecases.verify_ledger import verify_ledger
from scheduler.catch_up import run_due
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.servers import free_port, serving

LINE = {
    "id": "txn_1",
    "type": "charge",
    "source": "ch_1",
    "status": "succeeded",
    "charge": "ch_1",
    "amount": 100,
    "attempt_id": None,
    "refund_id": None,
    "created": 1_793_000_000,
}
OVERDUE = "SELECT detail->>'job', detail->>'reason' FROM staff_task WHERE kind = 'job_overdue'"
LEFT = pytest.mark.leaves_violations("a job is overdue")


async def have_run(ledger: Ledger, clock: FakeClock) -> None:
    async with transaction(ledger.services.engine) as connection:
        for job in ("expire", "reconcile", "open", "remind"):
            day = clock.now().date()
            await runs.record_run(connection, job=job, run_on=day, outcome="done", now=clock.now())


@asynccontextmanager
async def gateway_with_books(services: Services, page: object) -> AsyncIterator[Services]:
    async def transactions(_request: web.Request) -> web.Response:
        return web.json_response(page)

    async def settlements(_request: web.Request) -> web.Response:
        return web.json_response({"data": [], "has_more": False})

    async def unknown(_request: web.Request) -> web.Response:
        return web.json_response({"error": {"type": "invalid_request", "code": "not_found"}}, status=404)

    app = web.Application()
    app.router.add_get("/v1/transactions", transactions)
    app.router.add_get("/v1/settlements", settlements)
    app.router.add_get("/v1/charges/{id}", unknown)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        yield replace(services, gateway=gateway)


@LEFT
async def test_books_that_cannot_be_read_are_told_to_people_once_a_day(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await ledger.account()
    await have_run(ledger, clock)
    rules = {"rules": [{"kind": "500_before", "path": "/v1/settlements"}]}
    async with aiohttp.ClientSession() as http, http.post(f"{gateway_emulator}/_control/faults", json=rules):
        told = []
        for day in (11, 12, 13):
            clock.go_to(f"2026-11-{day}T12:00")
            for _ in range(2):
                await run_due(ledger.services, now=clock.now())
            told.append(len(await ledger.rows(OVERDUE)))
    broken = [each.invariant.name for each in await verify_ledger(ledger.services.engine, now=clock.now())]

    assert told == [0, 1, 2]
    assert (await ledger.rows(OVERDUE))[0] == ("reconcile", "the gateway's books cannot be read: status 500")
    assert broken == ["job_overdue"]


async def test_a_job_that_was_done_at_last_waits_no_more(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str
) -> None:
    await ledger.account()
    await have_run(ledger, clock)
    rules = {"rules": [{"kind": "500_before", "path": "/v1/settlements", "times": 1}]}
    async with aiohttp.ClientSession() as http, http.post(f"{gateway_emulator}/_control/faults", json=rules):
        await run_due(ledger.services, now=clock.go_to("2026-11-13T12:00"))
    before = await ledger.rows("SELECT job FROM job_waiting")
    told = await ledger.rows("SELECT kind, done_at IS NULL FROM staff_task")
    await run_due(ledger.services, now=clock.forward(minutes=1))

    assert before == [("reconcile",)]
    assert told == [("job_overdue", True)]
    assert await ledger.rows("SELECT job FROM job_waiting") == []
    assert await ledger.rows("SELECT kind, done_at IS NULL FROM staff_task") == [("job_overdue", False)]


async def test_f74_an_odd_line_in_the_books_keeps_no_month_from_being_opened(
    ledger: Ledger, clock: FakeClock, services: Services
) -> None:
    account = await ledger.account()
    await ledger.bill(account, "2026-11", 8432)

    async with gateway_with_books(services, {"data": [LINE | {"note": "a\x00\ud800"}], "has_more": False}) as odd:
        done = await run_due(odd, now=clock.now())

    assert done == ["expire", "reconcile", "open"]
    assert await ledger.rows("SELECT body->>'note' FROM gateway_transaction") == [("a?",)]


@LEFT
async def test_a_line_that_cannot_be_read_is_named_to_people(
    ledger: Ledger, clock: FakeClock, services: Services
) -> None:
    await ledger.account()
    clock.go_to("2026-11-08T12:00")
    await have_run(ledger, clock)

    async with gateway_with_books(services, {"data": [LINE | {"amount": 10**12}], "has_more": False}) as odd:
        await run_due(odd, now=clock.go_to("2026-11-10T12:00"))

    told = "the gateway's books cannot be read: a transaction that cannot be read: txn_1"
    assert await ledger.rows(OVERDUE) == [("reconcile", told)]


async def test_a_list_whose_pages_go_round_is_given_up(services: Services, clock: FakeClock) -> None:
    async with gateway_with_books(services, {"data": [LINE], "has_more": True}) as odd:
        with pytest.raises(GatewayUnavailableError, match="go round"):
            _ = [line async for line in odd.gateway.transactions(since=clock.now(), until=clock.now())]


@pytest.mark.parametrize(
    ("broken", "done", "waiting"),
    [
        ("reconcile", [("expire",), ("open",), ("remind",)], [("reconcile",)]),
        ("expire", [("reconcile",)], [("expire",), ("open",), ("remind",)]),
    ],
)
async def test_f22_a_job_that_fails_holds_up_only_those_that_need_it(
    ledger: Ledger, clock: FakeClock, broken: str, done: list[tuple[str]], waiting: list[tuple[str]]
) -> None:
    await ledger.account()
    await ledger.change(f"ALTER TABLE job_run ADD CONSTRAINT away CHECK (job <> '{broken}')")

    with pytest.raises(ExceptionGroup, match="jobs of the timetable failed"):
        await run_due(ledger.services, now=clock.go_to("2026-11-15T11:00"))

    assert sorted(set(await ledger.rows("SELECT job FROM job_run"))) == sorted(done)
    assert sorted(await ledger.rows("SELECT job FROM job_waiting")) == waiting
