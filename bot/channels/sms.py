"""SMS through Twilio: create, and find again what was created. The only importer of twilio; decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from backend.domain.states import ChannelName
from backend.ports import Accepted, Envelope, NotNow, Refused, SendOutcome, Unclear

_SECONDS = 10  # the SDK drops its own timeout (channels.md 6), so every call is bounded here
_TOO_MANY, _SERVER_ERROR = 429, 500
_FAULT_PAUSE, _RATE_PAUSE, _NETWORK_PAUSE = 300, 10, 5  # seconds
_LOOK_BACK = 50  # messages of one number, newest first
_DEAD = {"failed", "undelivered", "canceled"}
# What will be the same next month (channels.md 4): the number has opted out, or it is no mobile. Why we stop writing.
NEVER_AGAIN = {"21610": "carrier", "21614": "not_mobile", "21635": "not_mobile", "30006": "not_mobile"}
# Our account, sender or settings, not the customer's number: nothing was sent, and it waits until people have mended
# it. 20003, 20404: no such account or key; 20005: account closed; 21408: Japan not enabled; 21603, 21606, 21659: the
# sender; 21611: its queue is full.
_OURS = {20003, 20005, 20404, 21408, 21603, 21606, 21611, 21659}
_NOT_ALLOWED = {401, 403}
_BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, TwilioException)


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
        try:
            async with asyncio.timeout(_SECONDS):
                message = await self._client.messages.create_async(
                    to=envelope.address,
                    from_=self._sender,
                    body=str(envelope.payload["body"]),
                    status_callback=f"{self._status_url}?ref={envelope.key}",
                )
        except TwilioRestException as refusal:
            return _refusal(refusal)
        except aiohttp.ClientConnectorError as problem:
            return NotNow(reason=type(problem).__name__, retry_after=_NETWORK_PAUSE)
        except _BROKEN as problem:
            return Unclear(reason=type(problem).__name__)
        return Accepted(provider_message_id=message.sid, provider_request_id=None)

    async def find(self, envelope: Envelope) -> Accepted | Refused | None:
        """Look through the number's newest messages for this body, except those that other notices have become.

        Raises:
            LookupError: Twilio cannot be asked now; nothing is known.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                listed = await self._client.messages.list_async(to=envelope.address, limit=_LOOK_BACK)
        except _BROKEN as problem:
            raise LookupError(type(problem).__name__) from None
        for message in listed:
            if message.body == envelope.payload["body"] and message.sid not in envelope.known_message_ids:
                if str(message.status) in _DEAD:
                    return Refused(reason=f"{message.status} {message.error_code}")
                return Accepted(
                    provider_message_id=message.sid,
                    provider_request_id=None,
                    is_delivered=str(message.status) == "delivered",
                )
        return None


def _refusal(refusal: TwilioRestException) -> SendOutcome:
    if refusal.status == _TOO_MANY:
        return NotNow(reason=f"{refusal.code}", retry_after=_RATE_PAUSE)  # 20429: not processed
    if refusal.status >= _SERVER_ERROR:
        return Unclear(reason=f"status {refusal.status}")
    if refusal.code in _OURS or refusal.status in _NOT_ALLOWED:
        return NotNow(reason=f"{refusal.code}", retry_after=_FAULT_PAUSE, fault=f"code {refusal.code}")
    return Refused(reason=f"{refusal.code}")


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
    http = AsyncTwilioHttpClient()
    client = Client(account_sid, auth_token, http_client=http)
    client.api.base_url = api_base
    try:
        yield SmsChannel(client=client, sender=sender, status_url=status_url)
    finally:
        if http.session:
            await http.session.close()
