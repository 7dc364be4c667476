"""The control plane of the LINE emulator: people and what they do, webhooks, limits."""

import json
import secrets
from typing import Any

from aiohttp import web

from emulators.line import account_link, chat, events, webhooks
from emulators.line.keys import STATE
from emulators.line.state import LineState, User
from emulators.shared.control import PREFIX, read_json, read_object

_USER_ID_LENGTH = 33


def add_routes(app: web.Application) -> None:
    """Mount the control plane."""
    user = f"{PREFIX}/users/{{user_id}}"
    app.router.add_post(f"{PREFIX}/users", add_user)
    app.router.add_post(f"{PREFIX}/users/bulk", add_users)
    app.router.add_get(f"{PREFIX}/users", list_users)
    app.router.add_post(f"{user}/block", block)
    app.router.add_post(f"{user}/unblock", unblock)
    app.router.add_post(f"{user}/messages", write)
    app.router.add_post(f"{user}/stickers", send_sticker)
    app.router.add_post(f"{user}/postbacks", press)
    app.router.add_post(f"{user}/unsend", unsend)
    app.router.add_get(f"{user}/chat", read_chat)
    app.router.add_get(f"{user}/richmenu", read_rich_menu)
    app.router.add_get(f"{PREFIX}/about", about)
    app.router.add_get(f"{PREFIX}/chat/stream", stream)
    app.router.add_post(f"{PREFIX}/events", send_events)
    app.router.add_post(f"{PREFIX}/limits", set_limits)


async def about(request: web.Request) -> web.Response:
    """Return who this channel is and where its pages are."""
    state = request.app[STATE]
    told = {
        "bot_name": state.config.bot_name,
        "public_base": state.config.public_base,
        "account_link_page": state.config.public_base.rstrip("/") + account_link.PATH,
        "webhook_url": state.webhook_url,
        "destination": state.destination,
    }
    return web.json_response(told)


async def add_user(request: web.Request) -> web.Response:
    """Add a friend, or bring one back; sends `follow` unless told `"follow": false`."""
    state = request.app[STATE]
    data = await read_object(request)
    user_id = _new_id(data.get("userId"))
    user = state.truth.users.get(user_id)
    if user is None:
        user = User(user_id, str(data.get("displayName", "お客様")))
        state.truth.users[user_id] = user
    user.is_friend, user.is_blocked = True, False
    if data.get("follow", True):
        _follow(state, user, is_unblocked=False)
    return web.json_response({"userId": user_id, "displayName": user.display_name}, status=201)


async def add_users(request: web.Request) -> web.Response:
    """Add many friends at once, silently: `userIds`, or `count` of new ones."""
    state = request.app[STATE]
    data = await read_object(request)
    ids = data.get("userIds") or [None] * int(data.get("count", 0))
    added = [_new_id(user_id) for user_id in ids]
    for user_id in added:
        state.truth.users.setdefault(user_id, User(user_id, "お客様"))
    return web.json_response({"userIds": added}, status=201)


async def list_users(request: web.Request) -> web.Response:
    """Return everybody with what matters about them."""
    users = [
        {
            "userId": user.user_id,
            "displayName": user.display_name,
            "isFriend": user.is_friend,
            "isBlocked": user.is_blocked,
            "richMenuId": user.rich_menu_id,
        }
        for user in request.app[STATE].truth.users.values()
    ]
    return web.json_response({"users": users})


async def block(request: web.Request) -> web.Response:
    """Let a person block the bot: `unfollow` is sent, later pushes answer 200 and reach nobody."""
    state, user = _at(request)
    user.is_blocked = True
    chat.add_note(state, user=user, text="ブロックしました")
    webhooks.send(state, events.frame(state, kind="unfollow", user=user))
    return web.json_response({"isBlocked": True})


async def unblock(request: web.Request) -> web.Response:
    """Let a person come back: `follow` with isUnblocked."""
    state, user = _at(request)
    user.is_blocked = False
    _follow(state, user, is_unblocked=True)
    return web.json_response({"isBlocked": False})


async def write(request: web.Request) -> web.Response:
    """Let a person send a message; any content object of the webhook reference is taken."""
    state, user = _at(request)
    content = await read_object(request)
    content.setdefault("type", "text")
    return _said(state, user, content)


async def send_sticker(request: web.Request) -> web.Response:
    """Let a person send a sticker."""
    state, user = _at(request)
    sticker = {
        "type": "sticker",
        "packageId": "446",
        "stickerId": "1988",
        "stickerResourceType": "STATIC",
        **await read_object(request),
    }
    return _said(state, user, sticker)


async def press(request: web.Request) -> web.Response:
    """Let a person tap a postback action; `displayText` shows in the chat, only `data` is sent."""
    state, user = _at(request)
    data = await read_object(request)
    if "displayText" in data:
        message_id = state.take_message_ids(1)
        shown = {"type": "text", "text": str(data["displayText"])}
        chat.add_from_user(state, user=user, message_id=message_id, message=shown)
    postback: dict[str, Any] = {"data": str(data.get("data", ""))}
    if "params" in data:
        postback["params"] = data["params"]
    event = events.answerable(state, kind="postback", user=user, postback=postback)
    webhooks.send(state, event)
    return _sent(event)


async def unsend(request: web.Request) -> web.Response:
    """Let a person take a message back."""
    state, user = _at(request)
    message_id = str((await read_object(request)).get("messageId", ""))
    if not message_id.isdigit() or not chat.unsend(user, message_id=int(message_id)):
        raise web.HTTPNotFound(text="This person wrote no such message.")
    event = events.frame(state, kind="unsend", user=user, unsend={"messageId": message_id})
    webhooks.send(state, event)
    return _sent(event)


async def read_chat(request: web.Request) -> web.Response:
    """Return what is on a person's screen after a sequence number."""
    state, user = _at(request)
    messages = chat.read(user, after=int(request.query.get("after", "0")))
    return web.json_response({"messages": messages, "last": state.next_seq - 1})


async def read_rich_menu(request: web.Request) -> web.Response:
    """Return the rich menu that a person sees: their own, or the default, or null."""
    state, user = _at(request)
    menus = state.truth.rich_menus
    menu = menus.get(user.rich_menu_id or "") or menus.get(state.truth.default_rich_menu or "")
    return web.json_response({"richmenu": menu})


async def stream(request: web.Request) -> web.StreamResponse:
    """Stream what appears on a person's screen (without `user`: on all screens)."""
    return await request.app[STATE].hub.serve(request, address=request.query.get("user", ""))


async def send_events(request: web.Request) -> web.Response:
    """Send hand-written events in one body: a list (gaps are filled), or {"events", "raw": true}."""
    state = request.app[STATE]
    data = await read_json(request)
    templates = data["events"] if isinstance(data, dict) else data
    if isinstance(data, dict) and data.get("raw"):
        webhooks.send_as_written(state, *templates)
        return web.json_response({"events": templates}, status=202)
    batch = [events.completed(state, template=template) for template in templates]
    webhooks.send(state, *batch)
    return web.json_response({"events": batch}, status=202)


async def set_limits(request: web.Request) -> web.Response:
    """Change the monthly quota, what is used of it, or how the next account links end."""
    state = request.app[STATE]
    data = await read_object(request)
    state.monthly_quota = data.get("monthly_quota", state.monthly_quota)
    state.roll_month()
    state.truth.quota_used = int(data.get("quota_used", state.truth.quota_used))
    state.truth.link_result = str(data.get("account_link", state.truth.link_result))
    current = {"monthly_quota": state.monthly_quota, "quota_used": state.truth.quota_used}
    return web.json_response({**current, "account_link": state.truth.link_result})


def _said(state: LineState, user: User, content: dict[str, Any]) -> web.Response:
    message_id = state.take_message_ids(1)
    chat.add_from_user(state, user=user, message_id=message_id, message=content)
    event = events.message(state, user=user, message_id=message_id, content=content)
    webhooks.send(state, event)
    return _sent(event)


def _sent(event: dict[str, Any]) -> web.Response:
    return web.Response(
        status=202, body=json.dumps(event, ensure_ascii=False).encode(), content_type="application/json"
    )


def _follow(state: LineState, user: User, *, is_unblocked: bool) -> None:
    chat.add_note(state, user=user, text="友だちになりました")
    follow = {"isUnblocked": is_unblocked}
    webhooks.send(state, events.answerable(state, kind="follow", user=user, follow=follow))


def _at(request: web.Request) -> tuple[LineState, User]:
    state = request.app[STATE]
    user = state.truth.users.get(request.match_info["user_id"])
    if user is None:
        raise web.HTTPNotFound(text="There is no such person: POST /_control/users first.")
    return state, user


def _new_id(wanted: object) -> str:
    if wanted is None:
        return "U" + secrets.token_hex(16)
    user_id = str(wanted)
    if len(user_id) != _USER_ID_LENGTH or not user_id.startswith("U"):
        raise web.HTTPBadRequest(text="A user id is U and 32 hexadecimal digits.")
    return user_id
