"""LINE's Messaging API: push, reply, profile, account link. The only importer of linebot; decides nothing."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import aiohttp
from linebot.v3.messaging.async_api_client import AsyncApiClient
from linebot.v3.messaging.configuration import Configuration
from linebot.v3.messaging.exceptions import ApiException
from typing_extensions import override

from backend.domain.states import ChannelName
from backend.domain.untrusted_json import identifier_or_none, read_object, storable
from backend.ports import Accepted, Envelope, NotListed, NotNow, Refused, ReplyExpired, SendOutcome, Unclear

_TIMEOUT = aiohttp.ClientTimeout(total=10)  # the SDK's own default is five minutes
_OK, _BAD_REQUEST, _NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVER_ERROR = 200, 400, 404, 409, 429, 500
_SUCCESS = range(200, 300)
_NOT_ALLOWED = {401, 403}  # our token or our plan: nothing that a customer's other channel would mend
_QUOTA_PAUSE, _FAULT_PAUSE, _RATE_PAUSE, _NETWORK_PAUSE = 600, 300, 5, 5  # seconds
_LONGEST_PAUSE = 3600  # seconds: more than that we do not let ourselves be told
_NOBODY_THERE = "failed to send messages"  # LINE's words when the user is gone or never was


class Api(Protocol):
    """The one method of the SDK's client that we use: `AsyncApiClient.call_api`."""

    async def call_api(self, *args: Any, **kwargs: Any) -> Any:
        """Send one request with the SDK's session, authorization and errors."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What LINE said to one call."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def is_success(self) -> bool:
        """Whether LINE did what was asked."""
        return self.status in _SUCCESS

    @property
    def request_id(self) -> str | None:
        """LINE's name of the request that took the message, else of this one."""
        names = (self.headers.get(header) for header in ("x-line-accepted-request-id", "x-line-request-id"))
        return next((name for each in names if (name := identifier_or_none(each))), None)

    @property
    def message(self) -> str:
        """LINE's own words about an error."""
        return str(self.body.get("message", ""))[:200]

    def pause(self, least: int) -> int:
        """Seconds to wait before asking again: what LINE says, but no less than `least`."""
        said = self.headers.get("Retry-After", "").strip()
        told = int(said) if said.isascii() and said.isdecimal() else 0  # a date is as good as nothing
        return max(min(told, _LONGEST_PAUSE), least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many pushes the plan allows in a month (None: no limit), and how many are gone."""

    limit: int | None
    used: int

    @property
    def left(self) -> int | None:
        """How many may still be sent this month; None without a limit."""
        return None if self.limit is None else max(self.limit - self.used, 0)


class LeanApiClient(AsyncApiClient):
    """The SDK's client for bodies that hold no models: searching each for some costs as much as sending it."""

    @override
    def sanitize_for_serialization(self, obj: Any) -> Any:
        """Nothing to do: `obj` is plain JSON."""
        return obj


class LineChannel:
    """Push and reply. Dicts go through `call_api`: the SDK's typed models cost three times the CPU (channels.md 3)."""

    name = ChannelName.LINE
    is_idempotent = True  # by the retry key, for 24 hours

    def __init__(self, *, client: Api, access_base: str) -> None:
        self._client = client
        self._access_base = access_base

    async def send(self, envelope: Envelope) -> SendOutcome:
        """Reply while the reply token lives (free of charge), else push with the notice's retry key."""
        if envelope.reply_token:
            body = {"replyToken": envelope.reply_token, **envelope.payload}
            return _replied(await self._try("POST", "/v2/bot/message/reply", body))
        body = {"to": envelope.address, **envelope.payload}
        headers = {"X-Line-Retry-Key": str(envelope.key)}
        return _pushed(await self._try("POST", "/v2/bot/message/push", body, headers))

    async def find(self, envelope: Envelope) -> Accepted | Refused | NotListed:  # noqa: ARG002 - LINE has no list to look in
        """LINE lists nothing; a push is settled by sending it again with its key."""
        return NotListed()

    async def dialog_url(self, *, line_user_id: str, nonce: str) -> str | None:
        """Where LINE asks the user to confirm the account link (channels.md, account link)."""
        answer = await self._try("POST", f"/v2/bot/user/{quote(line_user_id, safe='')}/linkToken", None)
        if not isinstance(answer, Answer) or not answer.is_success or "linkToken" not in answer.body:
            return None
        query = urlencode({"linkToken": answer.body["linkToken"], "nonce": nonce})
        return f"{self._access_base}/dialog/bot/accountLink?{query}"

    async def quota(self) -> Quota | None:
        """The plan's pushes of this month; None when LINE does not answer now."""
        limit = await self._try("GET", "/v2/bot/message/quota", None)
        used = await self._try("GET", "/v2/bot/message/quota/consumption", None)
        if not (isinstance(limit, Answer) and isinstance(used, Answer) and limit.status == used.status == _OK):
            return None
        value, gone = limit.body.get("value"), used.body.get("totalUsage", 0)
        if not isinstance(gone, int) or not isinstance(value, int | None):
            return None
        return Quota(limit=value, used=gone)

    async def is_friend(self, line_user_id: str) -> bool | None:
        """Whether messages can reach this user: LINE shows no profile of who blocked us. None when it does not say."""
        answer = await self._try("GET", f"/v2/bot/profile/{quote(line_user_id, safe='')}", None)
        known = {_OK: True, _NOT_FOUND: False}
        return known.get(answer.status) if isinstance(answer, Answer) else None

    async def _try(
        self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str] | None = None
    ) -> Answer | NotNow | Unclear:
        """One request: an answer of any status, or what a broken connection or an unreadable answer means."""
        try:
            response = await self._client.call_api(
                path,
                method,
                header_params=dict(headers or {}),
                body=body,
                response_types_map={},
                _request_timeout=_TIMEOUT,
            )
        except ApiException as refusal:
            return Answer(
                status=refusal.status or _SERVER_ERROR, headers=refusal.headers or {}, body=_json(refusal.body)
            )
        except aiohttp.ClientConnectorError as problem:
            return NotNow(reason=type(problem).__name__, retry_after=_NETWORK_PAUSE)
        except (TimeoutError, aiohttp.ClientError, ValueError, LookupError) as problem:  # the SDK cannot read it
            return Unclear(reason=type(problem).__name__)
        return Answer(status=response.status_code, headers=response.headers, body=_json(response.raw_data))


def _json(body: str | bytes | None) -> Mapping[str, Any]:
    """Whatever LINE says, our database can hold it (f74): one odd answer must not take its whole batch down."""
    try:
        value: Mapping[str, Any] = storable(read_object(body or "{}"))
    except ValueError:
        return {}
    return value


def _accepted(answer: Answer) -> Accepted:
    """Taken, whatever else the body holds: an odd one takes nothing back."""
    match answer.body.get("sentMessages"):
        case [{"id": first_id}, *_]:
            message_id = identifier_or_none(first_id)
        case _:
            message_id = None
    return Accepted(provider_message_id=message_id, provider_request_id=answer.request_id)


def _pushed(answer: Answer | NotNow | Unclear) -> SendOutcome:
    """409 is success: LINE has taken our key before, whether or not it names the request that it took (f47)."""
    if not isinstance(answer, Answer):
        return answer
    if answer.is_success or answer.status == _CONFLICT:
        return _accepted(answer)
    return _not_accepted(answer)


def _replied(answer: Answer | NotNow | Unclear) -> SendOutcome:
    if not isinstance(answer, Answer):
        return answer
    if answer.is_success:
        return _accepted(answer)
    if answer.status == _BAD_REQUEST and "reply token" in answer.message.lower():
        return ReplyExpired(provider_request_id=answer.request_id)
    return _not_accepted(answer)


def _not_accepted(answer: Answer) -> Refused | NotNow | Unclear:
    return replace(_meaning(answer), provider_request_id=answer.request_id)


def _meaning(answer: Answer) -> Refused | NotNow | Unclear:
    if answer.status >= _SERVER_ERROR:
        return Unclear(reason=f"status {answer.status}")
    if answer.status == _TOO_MANY:
        # A monthly limit may be temporary: another delivery reserves its reach (channels.md 1, quota).
        pause = _QUOTA_PAUSE if "monthly limit" in answer.message else _RATE_PAUSE
        return NotNow(reason=answer.message or "rate limited", retry_after=answer.pause(pause))
    if answer.status in _NOT_ALLOWED:
        reason = f"{answer.status} {answer.message}"
        return NotNow(reason=reason, retry_after=answer.pause(_FAULT_PAUSE), fault=f"status {answer.status}")
    return Refused(
        reason=f"{answer.status} {answer.message}",
        is_address_dead=answer.status == _BAD_REQUEST and answer.message.lower().startswith(_NOBODY_THERE),
    )


def is_signed(*, body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether one of our channel secrets (two during a rotation) signed exactly these bytes."""
    return any(
        hmac.compare_digest(
            base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)), signature.encode("utf-8", "replace")
        )
        for secret in secrets
    )


@asynccontextmanager
async def open_line_channel(
    *, api_base: str, access_base: str, access_token: str, connections: int
) -> AsyncIterator[LineChannel]:
    """The channel on the SDK's client: one connection pool a process, wide enough for the monthly run."""
    client = LeanApiClient(Configuration(host=api_base, access_token=access_token))  # type: ignore[no-untyped-call]
    async with client:
        await client.rest_client.close()
        # The SDK's own session asks the environment for a proxy and reads .netrc at each request, in a thread:
        # that costs more than the rest of the push.
        client.rest_client.pool_manager = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )
        yield LineChannel(client=client, access_base=access_base)
