"""What the owner of a telephone does with SMS, and what is still on its way to it."""

from typing import Any
from urllib.parse import quote

from aiohttp import web

from emulators.phone.answers import read_object
from emulators.phone.keys import CONFIG, OUTSIDE
from emulators.phone.line_chat import person_at
from emulators.phone.outside import Outside

_PATH = "/api/customers/{key}/sms"


def add_routes(app: web.Application) -> None:
    """Mount the SMS-like screen's calls."""
    app.router.add_get(f"{_PATH}/messages", read_messages)
    app.router.add_post(f"{_PATH}/messages", write)
    app.router.add_get(f"{_PATH}/sent", read_sent)
    app.router.add_post(f"{_PATH}/reception", set_reception)


async def read_messages(request: web.Request) -> web.Response:
    """Return what is on the telephone after a sequence number, both directions."""
    after = request.query.get("after", "0")
    return web.json_response(await screen_of(request.app[OUTSIDE], person_at(request).customer.phone, after=after))


async def screen_of(outside: Outside, phone: str, *, after: str | int) -> Any:
    """Return a telephone's screen as the emulator tells it."""
    return await outside.read(f"{outside.twilio}/phones/{phone}/messages?after={int(after)}")


async def write(request: web.Request) -> web.Response:
    """Send an SMS from the person's telephone to the service."""
    outside = request.app[OUTSIDE]
    body = str((await read_object(request)).get("body", ""))
    message = {"from": person_at(request).customer.phone, "to": request.app[CONFIG].sms_sender, "body": body}
    return web.json_response(await outside.tell(f"{outside.twilio}/inbound", message))


async def read_sent(request: web.Request) -> web.Response:
    """Return every SMS that was sent to the person with its latest status, arrived or not."""
    outside = request.app[OUTSIDE]
    phone = quote(person_at(request).customer.phone, safe="")
    told = await outside.read(f"{outside.twilio}/truth?number={phone}")
    fields = ("sid", "body", "segments", "status", "error_code", "created_at")
    return web.json_response({"messages": [{name: sms[name] for name in fields} for sms in told["messages"]]})


async def set_reception(request: web.Request) -> web.Response:
    """Take the telephone out of reach, or bring it back."""
    outside = request.app[OUTSIDE]
    can_receive = bool((await read_object(request)).get("can_receive", True))
    behaviour = {"behaviour": "deliver" if can_receive else "undelivered"}
    await outside.tell(f"{outside.twilio}/numbers/{person_at(request).customer.phone}", behaviour)
    return web.json_response({"can_receive": can_receive})
