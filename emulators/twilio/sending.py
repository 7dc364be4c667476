"""Create: which messages are taken, and with which code the others are refused."""

import re
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from emulators.twilio import lifecycle, resource
from emulators.twilio.errors import Code, Refused, answer
from emulators.twilio.segments import count_segments
from emulators.twilio.state import STATE, Behaviour, Direction, Message, Number, TwilioState

_E164 = re.compile(r"\+[1-9]\d{7,14}")
# In Japan 020, 060, 070, 080 and 090 are mobile; everything else is not.
_JAPANESE_LANDLINE = re.compile(r"\+81(?!20|60|70|80|90)\d+")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_MOST_CHARACTERS = 1600
_VALIDITY = range(1, 36_001)


async def create(request: web.Request) -> web.Response:
    """Take one message; twice the same call is two messages, for there is no idempotency key."""
    state = request.app[STATE]
    limit_rate(state, "create")
    form = await read_form(request)
    to = _recipient(state, form)
    sender, service_sid = _sender(state, form)
    body = _body(form)
    callback_url = _callback_url(form)
    _check_validity(form)
    message = queue(state, to=to, sender=sender, body=body, callback_url=callback_url, service_sid=service_sid)
    shape = resource.of(message, account_sid=state.config.account_sid)
    return answer(201, shape)


def queue(
    state: TwilioState,
    *,
    to: str,
    sender: str | None,
    body: str,
    callback_url: str | None = None,
    service_sid: str | None = None,
    direction: Direction = Direction.API,
) -> Message:
    """File an outbound message and send it on its way."""
    message = state.add_message(
        direction=direction,
        to=to,
        sender=sender,
        body=body if state.config.keep_bodies else "",
        segments=count_segments(body),
        status="accepted" if service_sid is not None and sender is None else "queued",
        callback_url=callback_url,
        service_sid=service_sid,
    )
    state.courier.spawn(lifecycle.run(state, message))
    return message


def limit_rate(state: TwilioState, name: str) -> None:
    """Refuse (429) a call over the account's rate."""
    if state.config.rates and not state.buckets.take(name=name, now=time.monotonic()):
        raise Refused(Code.TOO_MANY, status=429)


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the form of a request; Refused (400) when it cannot be read."""
    raw = await request.read()
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=200))
    except ValueError as error:
        raise Refused(Code.BAD_REQUEST) from error


def _recipient(state: TwilioState, form: Mapping[str, str]) -> str:
    to = form.get("To", "")
    if not to:
        raise Refused(Code.TO_MISSING)
    if _E164.fullmatch(to) is None:
        raise Refused(Code.INVALID_TO, message=f"Invalid 'To' Phone Number: {to[:4]}XXXX")
    number = state.truth.numbers.get(to, Number())
    if number.behaviour is Behaviour.LANDLINE or _JAPANESE_LANDLINE.fullmatch(to):
        raise Refused(number.error_code or Code.LANDLINE)
    if to in state.truth.opted_out:
        raise Refused(Code.OPTED_OUT)
    return to


def _sender(state: TwilioState, form: Mapping[str, str]) -> tuple[str | None, str | None]:
    sender, service = form.get("From") or None, form.get("MessagingServiceSid") or None
    if sender is None and service is None:
        raise Refused(Code.SENDER_MISSING)
    if sender not in (None, state.config.from_number):
        raise Refused(Code.INVALID_FROM)
    if service is not None and _SERVICE_SID.fullmatch(service) is None:
        raise Refused(Code.SENDER_MISSING)
    return sender, service


def _body(form: Mapping[str, str]) -> str:
    body = form.get("Body", "")
    if not body:
        raise Refused(Code.BODY_MISSING)
    if len(body) > _MOST_CHARACTERS:
        raise Refused(Code.BODY_TOO_LONG)
    return body


def _callback_url(form: Mapping[str, str]) -> str | None:
    url = form.get("StatusCallback") or None
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise Refused(Code.INVALID_CALLBACK) from error
    if parts.scheme not in ("http", "https") or not host or "_" in host:
        raise Refused(Code.INVALID_CALLBACK)
    return url


def _check_validity(form: Mapping[str, str]) -> None:
    period = form.get("ValidityPeriod")
    if period is not None and not (period.isdigit() and int(period) in _VALIDITY):
        raise Refused(Code.BAD_REQUEST, message="ValidityPeriod must be between 1 and 36000")
