"""Callbacks on their way: form-encoded, signed, one more try when nobody could be reached."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from emulators.twilio.signing import sign
from emulators.twilio.state import Callback, Message, TwilioState


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the status (0: nothing), the content type and the text."""

    status: int
    content_type: str = ""
    text: str = ""


def status_parameters(state: TwilioState, message: Message, *, status: str) -> dict[str, str]:
    """Return the parameters of a status callback."""
    params = {
        "SmsSid": message.sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": message.to,
        "MessageSid": message.sid,
        "AccountSid": state.config.account_sid,
        "From": message.sender or "",
        "ApiVersion": "2010-04-01",
    }
    if message.service_sid is not None:
        params["MessagingServiceSid"] = message.service_sid
    if message.error_code is not None and status in ("failed", "undelivered"):
        params["ErrorCode"] = str(message.error_code)
    if status == "delivered":
        params["RawDlrDoneDate"] = state.clock.now().strftime("%y%m%d%H%M")
    return params


async def post(state: TwilioState, *, url: str, message: Message, params: Mapping[str, str], token: str) -> Answer:
    """Post one callback; when nobody could be reached, once more with the same token."""
    answer = Answer(status=0)
    for _ in range(2):
        record = Callback(state.clock.time(), message.sid, params["SmsStatus"], url, 0, token)
        state.truth.callbacks.append(record)
        try:
            answer = await _post_once(state, url=url, params=params, token=token)
        except aiohttp.ClientConnectorError:
            continue
        record.status = answer.status
        break
    return answer


def new_token() -> str:
    """Return an idempotency token: the same for all copies of one callback."""
    return str(uuid.uuid4())


async def _post_once(state: TwilioState, *, url: str, params: Mapping[str, str], token: str) -> Answer:
    body = urlencode(params).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "I-Twilio-Idempotency-Token": token,
        "X-Twilio-Signature": sign(auth_token=state.config.auth_token, url=url, params=params),
    }
    answer = Answer(status=0)
    try:
        answer = await _ask(state, url=url, body=body, headers=headers)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientError, TimeoutError, OSError):
        answer = Answer(status=0)
    finally:
        if state.recorder is not None:
            state.recorder.webhook(url=url, headers=headers, body=body, status=answer.status)
    return answer


async def _ask(state: TwilioState, *, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    timeout = aiohttp.ClientTimeout(total=state.config.callback_timeout_seconds)
    target = URL(url.partition("#")[0], encoded=True)
    async with state.courier.session.post(
        target, data=body, headers=headers, timeout=timeout, allow_redirects=False
    ) as response:
        text = await response.text(errors="replace")
        return Answer(status=response.status, content_type=response.content_type, text=text)
