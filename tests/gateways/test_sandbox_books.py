"""The adapter reads the gateway's books to their end, and says so when it cannot."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from aiohttp import web

from backend.domain.gateway_objects import DisputeState, MovementKind
from backend.gateways.sandbox import SandboxGateway, open_sandbox_gateway
from backend.ports import Absent, Busy, GatewayUnavailableError, Refunded, RefundRefused, Unknown
from tests.kit.clock import FakeClock
from tests.kit.ledger import Ledger
from tests.kit.servers import free_port, serving
from tests.usecases.refunds import paid_bill, told

Handler = Callable[[web.Request], web.Response]
LINE = {
    "id": "txn_1",
    "type": "charge",
    "source": "ch_1",
    "status": "succeeded",
    "charge": "ch_1",
    "amount": 100,
    "attempt_id": None,
    "refund_id": None,
    "created": 1_800_000_000,
}


@asynccontextmanager
async def speaking(method: str, path: str, answer: Handler) -> AsyncIterator[SandboxGateway]:
    """A gateway that says one thing only."""

    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_route(method, path, handle)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        yield gateway


async def test_all_movements_and_payouts_of_a_refunded_and_disputed_charge_are_read(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, gateway: SandboxGateway
) -> None:
    paid = await paid_bill(ledger, clock)
    refund_id = uuid4()
    outcome = await gateway.refund(refund_id=refund_id, gateway_reference=paid.charge, amount=400)
    dispute = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {})
    since, until = clock.now() - timedelta(hours=1), clock.forward(days=30)

    moved = [line async for line in gateway.transactions(since=since, until=until)]
    settled = [line async for line in gateway.settlements(since=since, until=until)]

    assert isinstance(outcome, Refunded)
    assert [(line.kind, line.amount, line.status) for line in moved] == [
        (MovementKind.CHARGE, 8432, "succeeded"),
        (MovementKind.REFUND, 400, "succeeded"),
        (MovementKind.DISPUTE, 8032, "open"),
    ]
    assert {line.attempt_id for line in moved} == {paid.attempt_id}
    assert moved[1].refund_id == refund_id
    assert [line.gateway_reference for line in moved] == [paid.charge, outcome.gateway_reference, dispute["id"]]
    assert [line.line_reference for line in settled] == [line.line_reference for line in moved]
    assert [(line.fee, str(line.settled_on)) for line in settled[:2]] == [(274, "2026-11-15"), (0, "2026-11-15")]


async def test_a_refund_and_a_dispute_are_looked_up_by_the_gateways_own_ids(
    ledger: Ledger, clock: FakeClock, gateway_emulator: str, gateway: SandboxGateway
) -> None:
    paid = await paid_bill(ledger, clock)
    made = await told(gateway_emulator, f"charges/{paid.charge}/refund", {"amount": 5})
    opened = await told(gateway_emulator, f"charges/{paid.charge}/dispute", {"reason": "unknown to me"})

    refund = await gateway.look_up_refund(refund_reference=made["id"])
    dispute = await gateway.look_up_dispute(dispute_reference=opened["id"])

    assert refund is not None
    assert (refund.amount, refund.refund_id, refund.attempt_id) == (5, None, paid.attempt_id)
    assert dispute is not None
    assert (dispute.state, dispute.reason, dispute.closed_at) == (DisputeState.OPEN, "unknown to me", None)
    assert await gateway.look_up_refund(refund_reference="re_none") is None
    assert await gateway.look_up_dispute(dispute_reference="dp_none") is None


async def test_our_refund_is_found_among_many(ledger: Ledger, clock: FakeClock, gateway: SandboxGateway) -> None:
    paid = await paid_bill(ledger, clock)
    ours = uuid4()
    await gateway.refund(refund_id=ours, gateway_reference=paid.charge, amount=7)
    for _ in range(3):
        await gateway.refund(refund_id=uuid4(), gateway_reference=paid.charge, amount=1)

    found = await gateway.find_refund(refund_id=ours, gateway_reference=paid.charge)
    missing = await gateway.find_refund(refund_id=uuid4(), gateway_reference=paid.charge)

    assert isinstance(found, Refunded)
    assert found.amount == 7
    assert isinstance(missing, Absent)


async def test_a_movement_that_cannot_be_read_is_never_passed_over(clock: FakeClock) -> None:
    lines = [LINE, LINE | {"type": "bonus"}]

    async with speaking(
        "GET", "/v1/transactions", lambda _: web.json_response({"data": lines, "has_more": False})
    ) as gateway:
        walk = gateway.transactions(since=clock.now(), until=clock.now())
        first = await anext(walk)
        with pytest.raises(GatewayUnavailableError):
            await anext(walk)

    assert first.amount == 100


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"data": "nothing", "has_more": False}),
        web.json_response({"data": [], "has_more": True}),
        web.json_response({}),
        web.Response(text="<html>"),
        web.Response(status=500),
    ],
    ids=lambda answer: f"{answer.status} {answer.body!r}"[:30],
)
async def test_a_page_that_cannot_be_read_is_not_the_end_of_the_books(clock: FakeClock, answer: web.Response) -> None:
    async with speaking("GET", "/v1/transactions", lambda _: answer) as gateway:
        with pytest.raises(GatewayUnavailableError):
            [_ async for _ in gateway.transactions(since=clock.now(), until=clock.now())]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (web.json_response({"status": "succeeded"}), Unknown),
        (web.json_response({"status": "pending", "id": "re_1", "amount": 1}), Unknown),
        (web.json_response({"status": "succeeded", "id": "re_1", "amount": "much"}), Unknown),
        (web.json_response([]), Unknown),
        (web.Response(status=502), Unknown),
        (web.json_response({"error": {"type": "idempotency_error"}}, status=409), Unknown),
        (web.json_response({}, status=429), Busy),
        (web.json_response({}, status=401), Busy),
        (web.json_response({"error": {"code": "refund_too_large"}}, status=400), RefundRefused),
        (web.json_response({"error": "no"}, status=400), RefundRefused),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_odd_answer_to_a_refund_is_never_read_as_done(answer: web.Response, outcome: type) -> None:
    async with speaking("POST", "/v1/refunds", lambda _: answer) as gateway:
        got = await gateway.refund(refund_id=uuid4(), gateway_reference="ch_1", amount=1)

    assert isinstance(got, outcome)
