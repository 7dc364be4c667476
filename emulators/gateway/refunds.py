"""Refunds, and the account of all movements of money."""

from dataclasses import replace

from aiohttp import web

from emulators.gateway.bodies import read_body, read_query, whole_in_query
from emulators.gateway.books import TransactionFilter
from emulators.gateway.charge_calls import MOST_YEN, list_limit, recorded_before
from emulators.gateway.errors import invalid, json_answer
from emulators.gateway.keys import STATE
from emulators.gateway.records import Charge, ChargeStatus, Refund
from emulators.gateway.registrations import FAR_FUTURE
from emulators.gateway.state import new_id

LIST_PARAMETERS = frozenset({"since", "until", "limit", "starting_after"})


async def create(request: web.Request) -> web.Response:
    """`POST /v1/refunds`: give back at most what was taken and not given back yet."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    charge = state.charges.get(body.text("charge"))
    amount = body.whole("amount", least=1, most=MOST_YEN)
    metadata = body.labels("metadata")
    body.finish()
    charge = _refundable(charge, amount=amount)
    refund = Refund(
        id=new_id("re"),
        charge=charge.id,
        amount=amount,
        created=state.clock.unix(),
        metadata=metadata,
    )
    state.keep_refund(refund, charge=replace(charge, amount_refunded=charge.amount_refunded + amount))
    return json_answer(refund.as_json())


async def list_transactions(request: web.Request) -> web.Response:
    """`GET /v1/transactions`: oldest first, since ≤ created < until."""
    state = request.config_dict[STATE]
    query = read_query(request, allowed=LIST_PARAMETERS)
    after = query.get("starting_after")
    if after is not None and not state.transactions.has(after):
        raise invalid(f"no such transaction: {after}", code="resource_missing")
    until = whole_in_query(query, "until", least=0, most=FAR_FUTURE)
    page, has_more = state.transactions.page(
        TransactionFilter(
            since=whole_in_query(query, "since", least=0, most=FAR_FUTURE) or 0,
            until=FAR_FUTURE if until is None else until,
            limit=list_limit(query),
            starting_after=after,
            recorded_before=recorded_before(state),
        )
    )
    return json_answer({"data": [line.as_json() for line in page], "has_more": has_more})


def _refundable(charge: Charge | None, *, amount: int) -> Charge:
    if charge is None:
        raise invalid("no such charge", code="resource_missing")
    if charge.status is not ChargeStatus.SUCCEEDED:
        raise invalid("only a succeeded charge can be refunded", code="charge_not_succeeded")
    if amount > charge.amount - charge.amount_refunded:
        raise invalid("more than was captured and not refunded yet", code="refund_too_large")
    return charge
