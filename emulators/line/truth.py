"""What the LINE emulator tells about what it received: in full, or as sums."""

import json
from typing import Any

from aiohttp import web

from emulators.line.keys import STATE
from emulators.line.state import Delivery, LineState, Push, Refusal, Reply
from emulators.shared.control import PREFIX


def add_routes(app: web.Application) -> None:
    """Mount truth, summary and reset."""
    app.router.add_get(f"{PREFIX}/truth", full)
    app.router.add_get(f"{PREFIX}/truth/summary", summary)
    app.router.add_post(f"{PREFIX}/reset", reset)


async def full(request: web.Request) -> web.Response:
    """Return everything; `?user=` narrows pushes and replies, `?bodies=0` leaves messages out."""
    state = request.app[STATE]
    wanted, with_bodies = request.query.get("user"), request.query.get("bodies") != "0"
    truth = state.truth
    pushes = [p for p in truth.pushes if wanted is None or p.user.user_id == wanted]
    replies = [r for r in truth.replies if wanted is None or r.user.user_id == wanted]
    body = {
        "pushes": [_push(state, p, with_bodies=with_bodies) for p in pushes],
        "replies": [_reply(r, with_bodies=with_bodies) for r in replies],
        "duplicates": [{"at": at, "retry_key": key, "same_body": same} for at, key, same in truth.duplicates],
        "refusals": [_refusal(r) for r in truth.refusals],
        "loadings": [{"at": at, "user": u, "seconds": s} for at, u, s in truth.loadings],
        "webhooks": [_delivery(d) for d in truth.deliveries],
        "summary": summed(state),
    }
    return web.json_response(body)


async def summary(request: web.Request) -> web.Response:
    """Return the sums, which are kept as things happen and so cost nothing."""
    return web.json_response(summed(request.app[STATE]))


async def reset(request: web.Request) -> web.Response:
    """Forget everything, people included; clock and faults stay as they are."""
    state = request.app[STATE]
    state.courier.forget()
    state.reset()
    return web.json_response(summed(state))


def summed(state: LineState) -> dict[str, Any]:
    """Return the sums."""
    truth = state.truth
    return {
        "users": len(truth.users),
        "pushes_accepted": len(truth.pushes),
        "pushes_delivered": truth.pushes_delivered,
        "pushed_users": truth.pushed_users,
        "most_pushes_per_user": truth.most_pushes,
        "retry_keys": len(truth.by_key),
        "duplicates_refused": len(truth.duplicates),
        "replies": len(truth.replies),
        "messages_sent": truth.messages_sent,
        "quota_used": truth.quota_used,
        "webhook_attempts": len(truth.deliveries),
        "webhooks_lost": state.courier.lost,
        "first_push_at": truth.first_push_at,
        "last_push_at": truth.last_push_at,
        "requests": dict(truth.requests),
        "answers": {str(status): count for status, count in truth.answers.items()},
    }


def _push(state: LineState, push: Push, *, with_bodies: bool) -> dict[str, Any]:
    known: dict[str, Any] = {
        "retry_key": push.key,
        "user": push.user.user_id,
        "at": push.at,
        "accepted": True,
        "delivered": push.is_delivered,
        "replays": push.replays,
        "request_id": state.request_id(push.request_number),
        "message_ids": [str(push.first_id + i) for i in range(push.count)],
    }
    return known | _messages(push.raw if with_bodies else None)


def _reply(reply: Reply, *, with_bodies: bool) -> dict[str, Any]:
    known: dict[str, Any] = {
        "user": reply.user.user_id,
        "reply_token": reply.token,
        "at": reply.at,
        "message_ids": [str(reply.first_id + i) for i in range(reply.count)],
    }
    return known | _messages(reply.raw if with_bodies else None)


def _messages(raw: bytes | None) -> dict[str, Any]:
    return {} if raw is None else {"messages": json.loads(raw)["messages"]}


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "at": refusal.at,
        "method": refusal.method,
        "path": refusal.path,
        "status": refusal.status,
        "message": refusal.message,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "at": delivery.at,
        "event_ids": delivery.event_ids,
        "status": delivery.status,
        "attempt": delivery.attempt,
        "is_redelivery": delivery.is_redelivery,
    }
