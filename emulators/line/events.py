"""Webhook events as the platform words them; pure, but for the numbers they take."""

import secrets
from collections.abc import Mapping
from typing import Any

from emulators.line.state import (
    REPLY_TOKEN_SECONDS,
    LineState,
    ReplyToken,
    User,
    quote_token,
)
from emulators.line.ulid import new_ulid

Event = dict[str, Any]


def frame(state: LineState, *, kind: str, user: User | None, **content: Any) -> Event:
    """Return an event of this kind without a reply token; `user=None` leaves the source out."""
    at = state.event_milliseconds()
    event: Event = {"type": kind, **content}
    event["webhookEventId"] = new_ulid(milliseconds=at)
    event["deliveryContext"] = {"isRedelivery": False}
    event["timestamp"] = at
    if user is not None:
        event["source"] = {"type": "user", "userId": user.user_id}
    event["mode"] = "active"
    return event


def answerable(state: LineState, *, kind: str, user: User, **content: Any) -> Event:
    """Return an event that carries a reply token."""
    event = frame(state, kind=kind, user=user, **content)
    event["replyToken"] = issue_reply_token(state, user=user, event_ms=event["timestamp"])
    return event


def issue_reply_token(state: LineState, *, user: User, event_ms: int) -> str:
    """Return a new reply token for an event of `user`."""
    token = secrets.token_hex(16)
    now = state.clock.time()
    state.truth.reply_tokens[token] = ReplyToken(user, event_ms / 1000, now + REPLY_TOKEN_SECONDS)
    return token


def message(state: LineState, *, user: User, message_id: int, content: Mapping[str, Any]) -> Event:
    """Return the event of a message; `content` is the message object without its ids."""
    body = identified(content, message_id=message_id)
    return answerable(state, kind="message", user=user, message=body)


def identified(content: Mapping[str, Any], *, message_id: int) -> dict[str, Any]:
    """Return a message object with the id and the quote token that it lacks."""
    body = {"id": str(message_id), **content}
    if content.get("type") in ("text", "image", "video", "sticker"):
        body.setdefault("quoteToken", quote_token(message_id))
    return body


def completed(state: LineState, *, template: Mapping[str, Any]) -> Event:
    """Return a hand-written event with whatever it left out of the common properties filled in.

    `userId` on the top level is short for a source; a null removes a property.
    """
    given = dict(template)
    user = state.truth.users.get(str(given.pop("userId", "")))
    event = frame(state, kind=str(given.get("type", "message")), user=user)
    has_token = event["type"] in ("message", "postback", "follow", "accountLink")
    if user is not None and has_token and "replyToken" not in given:
        at = int(given.get("timestamp") or event["timestamp"])
        event["replyToken"] = issue_reply_token(state, user=user, event_ms=at)
    if isinstance(given.get("message"), dict):
        given["message"] = identified(given["message"], message_id=state.take_message_ids(1))
    event |= given
    return {name: value for name, value in event.items() if value is not None}
