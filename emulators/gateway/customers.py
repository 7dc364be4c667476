"""Calls about customers and about their kept cards."""

from dataclasses import replace

from aiohttp import web

from emulators.gateway.bodies import read_body
from emulators.gateway.errors import json_answer, not_found
from emulators.gateway.keys import STATE
from emulators.gateway.records import Customer
from emulators.gateway.state import new_id


async def create(request: web.Request) -> web.Response:
    """`POST /v1/customers`: keep a new customer."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    reference = body.text("reference")
    body.finish()
    customer = Customer(id=new_id("cus"), reference=reference, created=state.clock.unix())
    state.customers[customer.id] = customer
    return json_answer(customer.as_json())


async def fetch_card(request: web.Request) -> web.Response:
    """`GET /v1/cards/{id}`."""
    card = request.config_dict[STATE].cards.get(request.match_info["id"])
    if card is None:
        raise not_found("no such card")
    return json_answer(card.as_json())


async def detach_card(request: web.Request) -> web.Response:
    """`POST /v1/cards/{id}/detach`: from now on the card cannot be charged."""
    state = request.config_dict[STATE]
    (await read_body(request)).finish()
    card = state.cards.get(request.match_info["id"])
    if card is None:
        raise not_found("no such card")
    state.cards[card.id] = replace(card, detached=True)
    return json_answer(state.cards[card.id].as_json())
