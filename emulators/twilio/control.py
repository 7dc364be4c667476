"""The control plane of the Twilio emulator: telephones and what their owners do, truth, lag."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from emulators.shared.control import PREFIX, read_object
from emulators.twilio import inbound
from emulators.twilio.state import STATE, Behaviour, Message, Number, TwilioState, shown


def add_routes(app: web.Application) -> None:
    """Mount the control plane."""
    app.router.add_post(f"{PREFIX}/numbers/{{number}}", set_number)
    app.router.add_post(f"{PREFIX}/inbound", write)
    app.router.add_get(f"{PREFIX}/phones/{{number}}/messages", read_phone)
    app.router.add_get(f"{PREFIX}/stream", stream)
    app.router.add_post(f"{PREFIX}/lists", set_lists)
    app.router.add_get(f"{PREFIX}/about", about)
    app.router.add_get(f"{PREFIX}/truth", truth)
    app.router.add_get(f"{PREFIX}/truth/summary", summary)
    app.router.add_post(f"{PREFIX}/reset", reset)


async def about(request: web.Request) -> web.Response:
    """Return whose account this is and where it calls."""
    state = request.app[STATE]
    told = {
        "account_sid": state.config.account_sid,
        "from_number": state.config.from_number,
        "public_base": state.config.public_base,
        "inbound_url": state.inbound_url,
    }
    return web.json_response(told)


async def set_number(request: web.Request) -> web.Response:
    """Say how a number behaves from now on."""
    data = await read_object(request)
    try:
        behaviour = Behaviour(data.get("behaviour", "deliver"))
    except ValueError as error:
        choices = ", ".join(Behaviour)
        raise web.HTTPBadRequest(text=f"A behaviour is one of: {choices}.") from error
    code = data.get("error_code")
    number = Number(behaviour, None if code is None else int(code))
    request.app[STATE].truth.numbers[request.match_info["number"]] = number
    return web.json_response(asdict(number))


async def write(request: web.Request) -> web.Response:
    """Let the owner of a telephone send an SMS; the webhook goes out in the background."""
    state = request.app[STATE]
    data = await read_object(request)
    sender, body = str(data.get("from", "")), str(data.get("body", ""))
    if not sender:
        raise web.HTTPBadRequest(text="An SMS needs a `from`.")
    to = str(data.get("to", state.config.from_number))
    message = inbound.receive(state, sender=sender, to=to, body=body)
    return web.json_response({"sid": message.sid}, status=202)


async def read_phone(request: web.Request) -> web.Response:
    """Return what is on a telephone's screen after a sequence number, both directions."""
    state = request.app[STATE]
    after = int(request.query.get("after", "0"))
    entries = state.truth.phones.get(request.match_info["number"], [])
    messages = [shown(entry) for entry in entries if entry.seq > after]
    return web.json_response({"messages": messages, "last": state.next_seq - 1})


async def stream(request: web.Request) -> web.StreamResponse:
    """Stream what appears on a telephone's screen (without `number`: on all of them)."""
    # An unescaped + in a query means a blank; numbers are given in either form.
    number = request.query.get("number", "").replace(" ", "+")
    return await request.app[STATE].hub.serve(request, address=number)


async def set_lists(request: web.Request) -> web.Response:
    """Let new messages appear in lists only after some seconds."""
    state = request.app[STATE]
    data = await read_object(request)
    state.list_lag_seconds = float(data.get("list_lag_seconds", 0.0))
    return web.json_response({"list_lag_seconds": state.list_lag_seconds})


async def truth(request: web.Request) -> web.Response:
    """Return everything; `?number=` narrows messages, `?bodies=0` leaves texts out."""
    state = request.app[STATE]
    number = request.query.get("number", "").replace(" ", "+")
    with_body = request.query.get("bodies") != "0"
    messages = state.truth.by_to.get(number, []) if number else state.truth.messages
    body = {
        "messages": [_told(message, with_body=with_body) for message in messages],
        "callbacks": [asdict(callback) for callback in state.truth.callbacks],
        "refusals": [asdict(refusal) for refusal in state.truth.refusals],
        "opted_out": sorted(state.truth.opted_out),
        "summary": _summed(state),
    }
    return web.json_response(body)


async def summary(request: web.Request) -> web.Response:
    """Return the sums, which are kept as things happen and so cost nothing."""
    return web.json_response(_summed(request.app[STATE]))


async def reset(request: web.Request) -> web.Response:
    """Forget everything; clock and faults stay as they are."""
    state = request.app[STATE]
    state.courier.forget()
    state.reset()
    return web.json_response(_summed(state))


def _told(message: Message, *, with_body: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sid": message.sid,
        "direction": message.direction.value,
        "to": message.to,
        "from": message.sender,
        "segments": message.segments,
        "status": message.status,
        "history": message.history,
        "error_code": message.error_code,
        "created_at": message.created_at,
        "callback_url": message.callback_url,
    }
    return told | ({"body": message.body} if with_body else {})


def _summed(state: TwilioState) -> dict[str, Any]:
    known = state.truth
    return {
        "messages": len(known.messages),
        "statuses": {status: count for status, count in known.statuses.items() if count},
        "segments_sent": known.segments_sent,
        "numbers_messaged": len(known.by_to) - (state.config.from_number in known.by_to),
        "most_per_number": known.most_per_number,
        "callbacks": len(known.callbacks),
        "callbacks_lost": state.courier.lost,
        "refusals": len(known.refusals),
        "requests": dict(known.requests),
        "answers": {str(status): count for status, count in known.answers.items()},
    }
