"""SMS through Twilio: create, and find again what was created. The only importer of twilio; decides nothing."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from typing_extensions import override

from backend.domain.states import ChannelName
from backend.domain.untrusted_json import identifier_or_none, storable
from backend.ports import Accepted, Envelope, NotListed, NotNow, Refused, SendOutcome, Unclear

_SECONDS = 10  # the SDK drops its own timeout (channels.md 6), so every call is bounded here
_CLIENT_ERROR, _TIMED_OUT, _TOO_MANY, _SERVER_ERROR = 400, 408, 429, 500
_FAULT_PAUSE, _RATE_PAUSE, _NETWORK_PAUSE, _LONGEST_PAUSE = 300, 10, 5, 900  # seconds
_LONGEST_WORD = 200  # characters
_LOOK_BACK = 50  # messages of one number, newest first
_CLOCKS_DIFFER = timedelta(minutes=5)  # at most, ours and Twilio's
_URL_SECRET = re.compile(r"https?://\S+/([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])")
_DEAD = {"failed", "undelivered", "canceled"}
# What will be the same next month (channels.md 4): the number has opted out, or it is no mobile. Why we stop writing.
NEVER_AGAIN = {"21610": "carrier", "21614": "not_mobile", "21635": "not_mobile", "30006": "not_mobile"}
# Our account, sender or settings, not the customer's number: nothing was sent, and it waits until people have mended
# it. 20003, 20404: no such account or key; 20005: account closed; 21408: Japan not enabled; 21603, 21606, 21659: the
# sender; 21611: its queue is full.
_OURS = {20003, 20005, 20404, 21408, 21603, 21606, 21611, 21659}
_NOT_ALLOWED = {401, 403}
# The last four: an answer that the SDK cannot read, such as a 201 that is no JSON.
_BROKEN = (
    aiohttp.ClientError,
    asyncio.TimeoutError,
    TwilioException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)

# Twilio's name of the newest call of this task: the SDK's errors have no place for the header.
_REQUEST_ID: ContextVar[str | None] = ContextVar("twilio_request_id", default=None)


class SmsChannel:
    """Text messages. Twilio has no idempotency key: what is unclear is looked for, never simply repeated."""

    name = ChannelName.SMS
    is_idempotent = False

    def __init__(self, *, client: Client, sender: str, status_url: str) -> None:
        self._client = client
        self._sender = sender
        self._status_url = status_url

    async def send(self, envelope: Envelope) -> SendOutcome:
        """Create one message; our reference travels in the status callback's address."""
        return replace(await self._create(envelope), provider_request_id=_REQUEST_ID.get())

    async def _create(self, envelope: Envelope) -> Accepted | Refused | NotNow | Unclear:
        try:
            async with asyncio.timeout(_SECONDS):
                message = await self._client.messages.create_async(
                    to=envelope.address,
                    from_=self._sender,
                    body=str(envelope.payload["body"]),
                    status_callback=f"{self._status_url}?ref={envelope.key}",
                )
        except _TooManyError as problem:
            return NotNow(reason="429", retry_after=_pause(problem.retry_after, attempts=envelope.attempts))
        except (TwilioRestException, TwilioServiceException) as refusal:
            return _refusal(refusal)
        except aiohttp.ClientConnectorError as problem:
            return NotNow(reason=type(problem).__name__, retry_after=_NETWORK_PAUSE)
        except _BROKEN as problem:
            return Unclear(reason=type(problem).__name__)
        sid = identifier_or_none(message.sid)
        return Unclear(reason="no sid") if sid is None else Accepted(provider_message_id=sid)

    async def find(self, envelope: Envelope) -> Accepted | Refused | NotListed:
        """Look through the number's newest messages for ours, except those that other notices have become.

        Twilio may list another text than it was given (a trial account's prefix, replaced letters), so the secret of
        our URL is a sign too.

        Raises:
            LookupError: Twilio cannot be asked now; nothing is known.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                listed = await self._client.messages.list_async(to=envelope.address, limit=_LOOK_BACK)
        except _BROKEN as problem:
            raise LookupError(type(problem).__name__) from None
        others = [message for message in listed if message.sid not in envelope.known_message_ids]
        ours = next((message for is_ours in _signs(envelope) for message in others if is_ours(message)), None)
        return replace(NotListed() if ours is None else _found(ours), provider_request_id=_REQUEST_ID.get())


def _found(message: Any) -> Accepted | Refused:
    status = str(message.status)
    if status in _DEAD:
        return Refused(reason=f"{status} {_word(message.error_code)}")
    return Accepted(
        provider_message_id=identifier_or_none(message.sid),
        is_delivered=status == "delivered",
        is_with_carrier=status == "sent",
    )


def _signs(envelope: Envelope) -> Iterable[Callable[[Any], bool]]:
    """What shows that a listed message is this one, the surest sign first."""
    if envelope.message_id is not None:
        yield lambda message: bool(message.sid == envelope.message_id)
        return
    body = str(envelope.payload["body"])
    yield lambda message: bool(message.body == body)
    yield lambda message: body in (message.body or "")
    for secret in _URL_SECRET.findall(body):
        yield partial(_names_since, envelope.first_sent_at, secret)


def _names_since(first_sent_at: datetime | None, secret: str, message: Any) -> bool:
    """An older message with the same URL is another notice's: only what was created since our first try counts."""
    created = message.date_created
    is_new = isinstance(created, datetime) and first_sent_at is not None and created >= first_sent_at - _CLOCKS_DIFFER
    return is_new and secret in (message.body or "")


def _pause(retry_after: int, *, attempts: int) -> int:
    """Seconds to the next try: what Twilio asks for, at least a pause that doubles with each try."""
    return max(retry_after, min(_RATE_PAUSE << min(attempts - 1, 10), _LONGEST_PAUSE))


def _refusal(refusal: TwilioRestException | TwilioServiceException) -> Refused | NotNow | Unclear:
    if not _CLIENT_ERROR <= refusal.status < _SERVER_ERROR or refusal.status == _TIMED_OUT:
        return Unclear(reason=f"status {refusal.status}")
    code = _word(refusal.code)
    if refusal.code in _OURS or refusal.status in _NOT_ALLOWED:
        return NotNow(reason=code, retry_after=_FAULT_PAUSE, fault=f"code {code}")
    return Refused(reason=code)


def _word(said: object) -> str:
    """Twilio's word as our database can hold it (f74): one odd answer must not take its whole batch down."""
    return str(storable(str(said)))[:_LONGEST_WORD]


class _TooManyError(TwilioException):
    """Twilio certainly did not process the call (429); `retry_after` is in seconds, 0 when it did not say."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("429")
        self.retry_after = retry_after


class _Http(AsyncTwilioHttpClient):
    """The SDK's client; its own errors would lose the headers: the call's name, and how long to wait after a 429."""

    @override
    async def request(self, *args: Any, **options: Any) -> Response:  # type: ignore[override]  # as the SDK's own
        _REQUEST_ID.set(None)
        response = await super().request(*args, **options)
        _REQUEST_ID.set(identifier_or_none((response.headers or {}).get("Twilio-Request-Id")))
        if response.status_code == _TOO_MANY:
            said = str((response.headers or {}).get("Retry-After", ""))
            raise _TooManyError(min(int(said), _LONGEST_PAUSE) if said.isdecimal() else 0)
        return response


class TwilioSignature:
    """Checks that a request to us comes from Twilio: its signature covers our public address and every field."""

    def __init__(self, auth_token: str) -> None:
        self._validator: Any = RequestValidator(auth_token)

    def is_valid(self, *, url: str, fields: Mapping[str, str], signature: str) -> bool:
        """Whether Twilio signed this form for this public URL."""
        return bool(signature) and bool(self._validator.validate(url, dict(fields), signature))


@asynccontextmanager
async def open_sms_channel(
    *, account_sid: str, auth_token: str, sender: str, api_base: str, status_url: str
) -> AsyncIterator[SmsChannel]:
    """The channel on Twilio's own client; retries inside the client stay off, they would send twice."""
    http = _Http()
    client = Client(account_sid, auth_token, http_client=http)
    client.api.base_url = api_base
    try:
        yield SmsChannel(client=client, sender=sender, status_url=status_url)
    finally:
        if http.session:
            await http.session.close()
