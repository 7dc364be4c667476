"""Signed webhooks: one body per delivery, redelivered until the bot answers 2xx or we give up."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from emulators.line.events import Event
from emulators.line.state import (
    REPLY_TOKEN_LAST_SECONDS,
    REPLY_TOKEN_SECONDS,
    Delivery,
    LineState,
)
from emulators.shared.recorder import Recorder


def sign(*, secret: str, body: bytes) -> str:
    """Return the value of x-line-signature for these bytes."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def send(state: LineState, *events: Event) -> None:
    """Send events in one body, in the background."""
    if state.webhook_url is not None:
        letter = _Letter(state=state, events=events, url=state.webhook_url, recorder=state.recorder)
        state.courier.submit(letter.deliver)


def send_as_written(state: LineState, *events: Event) -> None:
    """Send events of someone's own making; no record speaks of them as the platform's."""
    if state.webhook_url is not None:
        letter = _Letter(state=state, events=events, url=state.webhook_url, recorder=None)
        state.courier.submit(letter.deliver)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    state: LineState
    events: Sequence[Event]
    url: str
    recorder: Recorder | None

    async def deliver(self) -> None:
        """Try, and try again on anything but 2xx, with ever longer pauses."""
        config = self.state.config
        pause = config.redelivery_seconds
        for attempt in range(1 + config.max_redeliveries):
            status = await self._attempt(attempt)
            if 200 <= status < 300:  # noqa: PLR2004 - the 2xx family
                return
            await asyncio.sleep(pause)
            pause *= 2

    async def _attempt(self, attempt: int) -> int:
        state = self.state
        if attempt:
            self._renew_reply_tokens()
        body = self._body(is_redelivery=attempt > 0)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "LineBotWebhook/2.0",
            "x-line-signature": sign(secret=state.config.channel_secret, body=body),
        }
        ids = tuple(str(event.get("webhookEventId")) for event in self.events)
        delivery = Delivery(state.clock.time(), ids, 0, attempt, attempt > 0)
        state.truth.deliveries.append(delivery)
        delivery.status = await post(state, url=self.url, body=body, headers=headers)
        if self.recorder is not None:
            self.recorder.webhook(url=self.url, headers=headers, body=body, status=delivery.status)
        return delivery.status

    def _body(self, *, is_redelivery: bool) -> bytes:
        events = [
            {**event, "deliveryContext": {"isRedelivery": is_redelivery}} if "deliveryContext" in event else event
            for event in self.events
        ]
        body = {"destination": self.state.destination, "events": events}
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="replace")

    def _renew_reply_tokens(self) -> None:
        """An unused token is good for another minute, but not past 20 minutes of its event."""
        now = self.state.clock.time()
        for event in self.events:
            token = self.state.truth.reply_tokens.get(str(event.get("replyToken")))
            if token is not None:
                last = token.event_at + REPLY_TOKEN_LAST_SECONDS
                token.valid_until = min(now + REPLY_TOKEN_SECONDS, last)


async def post(state: LineState, *, url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post one webhook body and return the status; 0 means that no answer came in time."""
    timeout = aiohttp.ClientTimeout(total=state.config.webhook_timeout_seconds)
    try:
        async with state.courier.session.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0
