"""push, reply, multicast and validate: what is taken, what is refused, what is remembered."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from emulators.line import chat
from emulators.line.errors import (
    FAILED_TO_SEND,
    INVALID_REPLY_TOKEN,
    MONTHLY_LIMIT,
    RATE_LIMIT,
    Refused,
    answer,
    refused_for,
)
from emulators.line.keys import NUMBER, STATE
from emulators.line.state import RETRY_KEY_SECONDS, LineState, Push, Reply, User, sent_messages
from emulators.line.validation.checks import Check, Invalid
from emulators.line.validation.messages import MULTICAST, PUSH, REPLY, VALIDATE, check_body

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RETRY_KEY = "X-Line-Retry-Key"


async def push(request: web.Request) -> web.Response:
    """Take one push, at most once per retry key."""
    state = request.app[STATE]
    limit_rate(state, "push")
    key = _retry_key(request)
    raw = await request.read()
    earlier = _accepted_before(state, key=key, raw=raw)
    if earlier is not None:
        sent = sent_messages(first_id=earlier.first_id, count=earlier.count)
        raise _replay(state, earlier, sentMessages=sent)
    body = read_body(raw, check=PUSH)
    user = state.truth.users.get(body["to"])
    if user is None:
        raise Refused(400, FAILED_TO_SEND)
    _refuse_over_quota(state, recipients=1)
    first_id = state.take_message_ids(len(body["messages"]))
    number = request[NUMBER]
    _accept(state, user=user, key=key, number=number, first_id=first_id, raw=raw, body=body)
    count = len(body["messages"])
    return answer(200, {"sentMessages": sent_messages(first_id=first_id, count=count)})


async def multicast(request: web.Request) -> web.Response:
    """Take one multicast; ids that are nobody's are passed over, as the platform does."""
    state = request.app[STATE]
    limit_rate(state, "multicast")
    key = _retry_key(request)
    raw = await request.read()
    earlier = _accepted_before(state, key=key, raw=raw)
    if earlier is not None:
        raise _replay(state, earlier)
    body = read_body(raw, check=MULTICAST)
    users = [user for to in dict.fromkeys(body["to"]) if (user := state.truth.users.get(to))]
    _refuse_over_quota(state, recipients=len(users))
    first_id = state.take_message_ids(len(body["messages"]))
    number = request[NUMBER]
    for user in users:
        _accept(state, user=user, key=key, number=number, first_id=first_id, raw=raw, body=body)
    return answer(200, {})


async def reply(request: web.Request) -> web.Response:
    """Take one reply for a token that is fresh and unused."""
    state = request.app[STATE]
    limit_rate(state, "reply")
    if _RETRY_KEY in request.headers:
        raise Refused(400, "The header X-Line-Retry-Key is not supported by this endpoint")
    raw = await request.read()
    body = read_body(raw, check=REPLY)
    token = state.truth.reply_tokens.pop(body["replyToken"], None)
    now = state.clock.time()
    if token is None or now > token.valid_until:
        raise Refused(400, INVALID_REPLY_TOKEN)
    count = len(body["messages"])
    first_id = state.take_message_ids(count)
    kept = raw if state.config.keep_bodies else None
    entry = Reply(token.user, body["replyToken"], now, first_id, count, kept)
    state.truth.replies.append(entry)
    state.truth.messages_sent += count
    if token.user.is_reachable:
        chat.add_from_bot(state, user=token.user, kind="reply", first_id=first_id, raw=raw, body=body)
    return answer(200, {"sentMessages": sent_messages(first_id=first_id, count=count)})


async def validate(request: web.Request) -> web.Response:
    """Say whether messages would be taken; nothing is sent."""
    limit_rate(request.app[STATE], "validate")
    read_body(await request.read(), check=VALIDATE)
    return answer(200, {})


def read_body(raw: bytes, *, check: Check) -> dict[str, Any]:
    """Return a request body that is JSON and passes `check`; Refused (400) otherwise."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The request body could not be parsed as JSON") from error
    try:
        check_body(body, check=check, raw_bytes=len(raw))
    except Invalid as problem:
        raise refused_for(problem) from problem
    except RecursionError as error:
        raise Refused(400, "The request body is nested too deeply") from error
    checked: dict[str, Any] = body
    return checked


def limit_rate(state: LineState, name: str) -> None:
    """Refuse (429) a call over the endpoint's rate."""
    if state.config.rates and not state.buckets.take(name=name, now=time.monotonic()):
        raise Refused(429, RATE_LIMIT)


def _retry_key(request: web.Request) -> str | None:
    key = request.headers.get(_RETRY_KEY)
    if key is not None and _UUID.fullmatch(key) is None:
        raise Refused(400, "The retry key is invalid: X-Line-Retry-Key must be a UUID")
    return None if key is None else key.lower()


def _accepted_before(state: LineState, *, key: str | None, raw: bytes) -> Push | None:
    """Return what a key was accepted for within 24 hours; after that it is a new request."""
    earlier = None if key is None else state.truth.by_key.get(key)
    if key is None or earlier is None:
        return None
    now = state.clock.time()
    if now - earlier.at >= RETRY_KEY_SECONDS:
        return None
    earlier.replays += 1
    state.truth.duplicates.append((now, key, hash(raw) == earlier.digest))
    return earlier


def _replay(state: LineState, earlier: Push, **extra: Any) -> Refused:
    accepted = {"x-line-accepted-request-id": state.request_id(earlier.request_number)}
    return Refused(409, "The retry key is already accepted", extra=extra, headers=accepted)


def _refuse_over_quota(state: LineState, *, recipients: int) -> None:
    quota = state.monthly_quota
    state.roll_month()
    if quota is not None and state.truth.quota_used + recipients > quota:
        raise Refused(429, MONTHLY_LIMIT)


def _accept(
    state: LineState,
    *,
    user: User,
    key: str | None,
    number: int,
    first_id: int,
    raw: bytes,
    body: Mapping[str, Any],
) -> None:
    truth, now, count = state.truth, state.clock.time(), len(body["messages"])
    delivered = user.is_reachable
    kept = raw if state.config.keep_bodies else None
    entry = Push(key, user, now, number, first_id, count, hash(raw), delivered, kept)
    truth.pushes.append(entry)
    if key is not None:
        truth.by_key[key] = entry
    _count(state, user=user, now=now, count=count, is_delivered=delivered)
    if delivered:
        chat.add_from_bot(state, user=user, kind="push", first_id=first_id, raw=raw, body=body)


def _count(state: LineState, *, user: User, now: float, count: int, is_delivered: bool) -> None:
    """Keep the sums that the summary shows; those who get nothing are not charged for."""
    truth = state.truth
    truth.pushed_users += user.pushes == 0
    user.pushes += 1
    truth.most_pushes = max(truth.most_pushes, user.pushes)
    truth.messages_sent += count
    truth.pushes_delivered += is_delivered
    truth.quota_used += is_delivered
    truth.first_push_at = truth.first_push_at or now
    truth.last_push_at = now
