"""What people do at the gateway's own console, and what issuers do: refunds and disputes behind the merchant's back."""

from aiohttp import web

from emulators.gateway import charge_calls, disputes, refunds
from emulators.gateway.bodies import read_body
from emulators.gateway.charge_calls import MOST_YEN
from emulators.gateway.errors import invalid, json_answer
from emulators.gateway.keys import STATE
from emulators.gateway.money_records import DisputeStatus


async def refund(request: web.Request) -> web.Response:
    """`POST /_control/charges/{id}/refund`: `{"amount"?}`, all that is left by default; webhooks are sent."""
    state = request.config_dict[STATE]
    charge = charge_calls.named(request)
    body = await read_body(request)
    given = body.whole("amount", least=1, most=MOST_YEN) if body.has("amount") else None
    body.finish()
    amount = refunds.left_to_refund(state, charge) if given is None else given
    return json_answer(refunds.give_back(state, charge, amount=amount, metadata={}).as_json())


async def open_dispute(request: web.Request) -> web.Response:
    """`POST /_control/charges/{id}/dispute`: `{"amount"?, "reason"?}`, all that is left by default."""
    charge = charge_calls.named(request)
    body = await read_body(request)
    amount = body.whole("amount", least=1, most=MOST_YEN) if body.has("amount") else None
    reason = body.optional_text("reason") or "fraudulent"
    body.finish()
    made = disputes.open_dispute(request.config_dict[STATE], charge, amount=amount, reason=reason)
    return json_answer(made.as_json())


async def close_dispute(request: web.Request) -> web.Response:
    """`POST /_control/disputes/{id}/close`: `{"status": "won"|"lost"}`."""
    body = await read_body(request)
    status = body.text("status")
    body.finish()
    try:
        wanted = DisputeStatus(status)
    except ValueError as error:
        raise invalid(str(error)) from error
    closed = disputes.close(request.config_dict[STATE], disputes.named(request), status=wanted)
    return json_answer(closed.as_json())
