"""The small endpoints: profile, quota, link token, loading, bot info, webhook settings."""

import json
import secrets
from typing import Any

from aiohttp import web

from emulators.line.errors import NOT_FOUND, Refused, answer, refused_for
from emulators.line.keys import STATE
from emulators.line.sending import limit_rate
from emulators.line.state import LINK_TOKEN_SECONDS, LineState, LinkToken, User
from emulators.line.validation.checks import Check, Invalid, integer, shape, uri, utf16_text
from emulators.line.webhooks import post, sign

_LOADING = shape(
    required=["chatId"],
    chatId=utf16_text(most=100),
    loadingSeconds=integer(least=5, most=60),
)
_ENDPOINT = shape(required=["endpoint"], endpoint=uri("https", "http", most=500))
_TEST = shape(endpoint=uri("https", "http", most=500))
_DEFAULT_LOADING_SECONDS = 20
_FOLLOWERS_PER_PAGE = 1000


async def profile(request: web.Request) -> web.Response:
    """Return the profile of a friend; 404 for everyone else."""
    user = reachable(request.app[STATE], request.match_info["user_id"])
    return answer(200, {"userId": user.user_id, "displayName": user.display_name, "language": "ja"})


async def followers(request: web.Request) -> web.Response:
    """Return the ids of all friends, up to 1,000 a page."""
    state = request.app[STATE]
    limit, start = request.query.get("limit", "300"), request.query.get("start", "0")
    if not (limit.isdecimal() and start.isdecimal() and 0 < int(limit) <= _FOLLOWERS_PER_PAGE):
        raise Refused(400, "The value for the 'limit' or 'start' parameter is invalid")
    first, last = int(start), int(start) + int(limit)
    ids = [user.user_id for user in state.truth.users.values() if user.is_reachable]
    body: dict[str, Any] = {"userIds": ids[first:last]}
    if last < len(ids):
        body["next"] = str(last)
    return answer(200, body)


async def info(request: web.Request) -> web.Response:
    """Return who the bot is."""
    state = request.app[STATE]
    return answer(
        200,
        {
            "userId": state.destination,
            "basicId": "@000emulated",
            "displayName": state.config.bot_name,
            "chatMode": "bot",
            "markAsReadMode": "auto",
        },
    )


async def quota(request: web.Request) -> web.Response:
    """Return the monthly limit."""
    value = request.app[STATE].monthly_quota
    if value is None:
        return answer(200, {"type": "none"})
    return answer(200, {"type": "limited", "value": value})


async def consumption(request: web.Request) -> web.Response:
    """Return how much of the monthly limit is used."""
    state = request.app[STATE]
    state.roll_month()
    return answer(200, {"totalUsage": state.truth.quota_used})


async def link_token(request: web.Request) -> web.Response:
    """Issue a link token for a friend: one use, ten minutes."""
    state = request.app[STATE]
    user = reachable(state, request.match_info["user_id"])
    token = secrets.token_urlsafe(24)
    until = state.clock.time() + LINK_TOKEN_SECONDS
    state.truth.link_tokens[token] = LinkToken(user.user_id, until)
    return answer(200, {"linkToken": token})


async def loading(request: web.Request) -> web.Response:
    """Take a loading animation and show it on the phone page."""
    state = request.app[STATE]
    limit_rate(state, "loading")
    body = await checked(request, check=_LOADING)
    seconds = int(body.get("loadingSeconds", _DEFAULT_LOADING_SECONDS))
    if seconds % 5:
        raise refused_for(_at("loadingSeconds", "must be a multiple of 5"))
    user = state.truth.users.get(body["chatId"])
    if user is None:
        raise Refused(400, "The value for the 'chatId' parameter is invalid")
    state.truth.loadings.append((state.clock.time(), user.user_id, seconds))
    entry = {"kind": "loading", "sender": "bot", "seconds": seconds}
    state.hub.publish(address=user.user_id, entry=entry)
    return answer(202, {})


async def read_endpoint(request: web.Request) -> web.Response:
    """Return where webhooks go."""
    url = request.app[STATE].webhook_url
    if url is None:
        raise Refused(404, NOT_FOUND)
    return answer(200, {"endpoint": url, "active": True})


async def set_endpoint(request: web.Request) -> web.Response:
    """Change where webhooks go (http is taken too: this is a loopback platform)."""
    body = await checked(request, check=_ENDPOINT)
    request.app[STATE].webhook_url = body["endpoint"]
    return answer(200, {})


async def test_endpoint(request: web.Request) -> web.Response:
    """Send a webhook without events and say what came back."""
    state = request.app[STATE]
    body = await checked(request, check=_TEST)
    url = body.get("endpoint", state.webhook_url)
    if url is None:
        raise Refused(400, "The webhook endpoint is not set")
    raw = json.dumps({"destination": state.destination, "events": []}).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "LineBotWebhook/2.0",
        "x-line-signature": sign(secret=state.config.channel_secret, body=raw),
    }
    status = await post(state, url=url, body=raw, headers=headers)
    return answer(200, _verdict(state, status))


async def checked(request: web.Request, *, check: Check) -> dict[str, Any]:
    """Return the JSON body of a request that passes `check`; Refused (400) otherwise."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw else {}
        check(body)
    except Invalid as problem:
        raise refused_for(problem) from problem
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The request body could not be parsed as JSON") from error
    checked_body: dict[str, Any] = body
    return checked_body


def reachable(state: LineState, user_id: str) -> User:
    """Return a friend who has not blocked the bot; Refused (404) for everyone else."""
    user = state.truth.users.get(user_id)
    if user is None or not user.is_reachable:
        raise Refused(404, NOT_FOUND)
    return user


def _verdict(state: LineState, status: int) -> dict[str, Any]:
    success = 200 <= status < 300  # noqa: PLR2004 - the 2xx family
    reason = "OK" if success else ("ERROR_STATUS_CODE" if status else "REQUEST_TIMEOUT")
    return {
        "success": success,
        "timestamp": state.clock.now().isoformat(timespec="milliseconds"),
        "statusCode": status,
        "reason": reason,
        "detail": str(status),
    }


def _at(place: str, message: str) -> Invalid:
    problem = Invalid(message)
    problem.under(place)
    return problem
