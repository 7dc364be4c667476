"""What the owner of a telephone does on LINE, passed on to the LINE emulator."""

from typing import Any

from aiohttp import web

from emulators.phone.answers import read_object
from emulators.phone.keys import OUTSIDE, PEOPLE
from emulators.phone.outside import Outside
from emulators.phone.people import Person, befriend

_PATH = "/api/customers/{key}/line"


def add_routes(app: web.Application) -> None:
    """Mount the LINE-like screen's calls."""
    app.router.add_get(f"{_PATH}/chat", read_chat)
    app.router.add_post(f"{_PATH}/friend", make_friends)
    for name in ("messages", "stickers", "postbacks", "unsend", "block", "unblock"):
        app.router.add_post(f"{_PATH}/{{verb:{name}}}", act)


async def read_chat(request: web.Request) -> web.Response:
    """Return the chat after a sequence number; a person who is not on LINE has an empty one."""
    person, outside = person_at(request), request.app[OUTSIDE]
    if person.line_user_id is None:
        return web.json_response({"messages": [], "last": 0})
    return web.json_response(await chat_of(outside, person.line_user_id, after=request.query.get("after", "0")))


async def chat_of(outside: Outside, user_id: str, *, after: str | int) -> Any:
    """Return a chat as the emulator tells it."""
    return await outside.read(f"{outside.line}/users/{user_id}/chat?after={int(after)}")


async def act(request: web.Request) -> web.Response:
    """Write, tap, unsend, block or unblock, as the path says."""
    person, outside = person_at(request), request.app[OUTSIDE]
    if person.line_user_id is None:
        raise web.HTTPConflict(text="先に友だちに追加してください。")
    url = f"{outside.line}/users/{person.line_user_id}/{request.match_info['verb']}"
    return web.json_response(await outside.tell(url, await read_object(request)))


async def make_friends(request: web.Request) -> web.Response:
    """Make friends for the first time."""
    person = person_at(request)
    await befriend(request.app[OUTSIDE], person, is_told=True)
    return web.json_response(person.as_json(is_blocked=False))


def person_at(request: web.Request) -> Person:
    """Return the person in the path; 404 if there is none."""
    person = request.app[PEOPLE].find(request.match_info["key"])
    if person is None:
        raise web.HTTPNotFound(text="そのお客様はいません。")
    return person
