"""A gateway that answers oddly: nothing odd is ever read as paid or as failed (faults.md, rule 9)."""

from uuid import uuid4

import pytest
from aiohttp import web

from backend.gateways.sandbox import open_sandbox_gateway
from backend.ports import Unknown
from tests.kit.servers import free_port, serving

REQUEST = {"customer": "cus_1", "card": "card_1", "amount": 100}


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"status": "succeeded"}),
        web.json_response({"status": "succeeded", "id": "ch_1", "amount": "much"}),
        web.json_response({"status": "pending", "id": "ch_1"}),
        web.json_response({}),
        web.json_response(["succeeded"]),
        web.Response(text="<html>maintenance</html>"),
        web.Response(body=b"\xff\xfe"),
        web.Response(status=503),
        web.Response(status=409, text='{"error": {"type": "idempotency_error"}}'),
        web.Response(status=302, headers={"Location": "/elsewhere"}, text="{}"),
    ],
    ids=lambda answer: f"{answer.status} {answer.body!r}"[:40],
)
async def test_an_answer_that_cannot_be_read_is_unknown(answer: web.Response) -> None:
    async def odd(_request: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.router.add_post("/v1/charges", odd)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        outcome = await gateway.charge(attempt_id=uuid4(), charge_request=REQUEST)

    assert isinstance(outcome, Unknown)
