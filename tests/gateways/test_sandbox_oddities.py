"""A gateway that answers oddly: nothing odd is ever read as paid or as failed (faults.md, rule 9)."""

from uuid import UUID, uuid4

import pytest
from aiohttp import web

from backend.gateways.sandbox import open_sandbox_gateway
from backend.ports import Absent, GatewayUnavailableError, LookUpOutcome, Succeeded, Unknown
from tests.kit.servers import free_port, serving

OURS = UUID(int=7)
REQUEST = {"customer": "cus_1", "card": "card_1", "amount": 100}


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"status": "succeeded"}),
        web.json_response({"status": "succeeded", "id": "ch_1", "amount": "much"}),
        web.json_response({"status": "succeeded", "id": "ch_1", "amount": 10**12}),
        web.json_response({"status": "succeeded", "id": "ch_1", "amount": float("inf")}),
        web.json_response({"status": "succeeded", "id": {"object": "charge"}, "amount": 100}),
        web.json_response({"status": "pending", "id": "ch_1"}),
        web.Response(text='{"status": "succeeded", "id": "ch_1", "amount": ' + "9" * 5000 + "}"),
        web.Response(text="[" * 100_000),
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


async def looked_up(page: object) -> LookUpOutcome:
    async def charges(_request: web.Request) -> web.Response:
        return web.json_response(page)

    app = web.Application()
    app.router.add_get("/v1/charges", charges)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        return await gateway.look_up(attempt_id=OURS, charge_request=REQUEST)


CHARGE = {"id": "ch_1", "status": "succeeded", "amount": 100, "metadata": {"attempt_id": str(OURS)}}
AT_THE_CONSOLE = {"id": "ch_0", "status": "succeeded", "amount": 1, "metadata": None}


async def test_a_charge_made_at_the_gateways_console_does_not_hide_ours() -> None:
    found = await looked_up({"data": [AT_THE_CONSOLE, CHARGE], "has_more": False})
    absent = await looked_up({"data": [AT_THE_CONSOLE], "has_more": False})

    assert isinstance(found, Succeeded)
    assert isinstance(absent, Absent)


@pytest.mark.parametrize(
    "page",
    [
        {"data": [CHARGE | {"metadata": "none"}], "has_more": False},
        {"data": [None], "has_more": False},
        {"data": None, "has_more": False},
        {"data": []},
        {"data": [], "has_more": True},
        {"has_more": False},
    ],
    ids=str,
)
async def test_a_list_that_cannot_be_read_is_neither_found_nor_absent(page: dict[str, object]) -> None:
    assert isinstance(await looked_up(page), Unknown)


REGISTRATION = {"id": "reg_1", "status": "open", "fields_url": "/fields/t", "hosted_url": "/hosted/t", "card": None}


@pytest.mark.parametrize("name", ["fields_url", "hosted_url"])
@pytest.mark.parametrize("said", ["javascript:alert(1)", None])
async def test_a_card_entry_at_no_address_of_the_web_is_an_answer_that_cannot_be_read(name: str, said: object) -> None:
    async def registration(_request: web.Request) -> web.Response:
        return web.json_response(REGISTRATION | {name: said})

    app = web.Application()
    app.router.add_get("/v1/card_registrations/reg_1", registration)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        with pytest.raises(GatewayUnavailableError):
            await gateway.registration("reg_1")


async def test_an_issuers_question_at_no_address_of_the_web_is_an_answer_that_cannot_be_read() -> None:
    async def charge(_request: web.Request) -> web.Response:
        return web.json_response({"id": "ch_1", "action_url": "javascript:alert(1)"})

    app = web.Application()
    app.router.add_get("/v1/charges/ch_1", charge)
    async with (
        serving(app, free_port()) as base,
        open_sandbox_gateway(base=base, key="key", webhook_secret="secret") as gateway,
    ):
        with pytest.raises(GatewayUnavailableError):
            await gateway.action_url(gateway_reference="ch_1")
