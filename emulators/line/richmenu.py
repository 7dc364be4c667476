"""Rich menus: create, image, link to people, default."""

import secrets
import struct
from typing import Any

from aiohttp import web

from emulators.line.bot_api import checked
from emulators.line.errors import Refused, answer, refused_for
from emulators.line.keys import STATE
from emulators.line.sending import limit_rate
from emulators.line.state import LineState, User
from emulators.line.validation.actions import ON_RICH_MENU
from emulators.line.validation.checks import (
    Invalid,
    boolean,
    grapheme_text,
    integer,
    listing,
    shape,
    utf16_text,
)

_IMAGE_BYTES = 1_000_000
_MOST_PIXELS = 2500
_ASPECT = 1.45
_AREA = shape(
    required=["bounds", "action"],
    bounds=shape(
        required=["x", "y", "width", "height"],
        x=integer(least=0, most=_MOST_PIXELS),
        y=integer(least=0, most=_MOST_PIXELS),
        width=integer(least=1, most=_MOST_PIXELS),
        height=integer(least=1, most=_MOST_PIXELS),
    ),
    action=ON_RICH_MENU,
)
_MENU = shape(
    required=["size", "selected", "name", "chatBarText", "areas"],
    size=shape(
        required=["width", "height"],
        width=integer(least=800, most=_MOST_PIXELS),
        height=integer(least=250, most=_MOST_PIXELS),
    ),
    selected=boolean,
    name=grapheme_text(most=300),
    chatBarText=grapheme_text(most=14),
    areas=listing(_AREA, most=20),
)
_USERS = listing(utf16_text(most=100), least=1, most=500)
_BULK_LINK = shape(required=["richMenuId", "userIds"], richMenuId=utf16_text(most=100), userIds=_USERS)
_BULK_UNLINK = shape(required=["userIds"], userIds=_USERS)


async def create(request: web.Request) -> web.Response:
    """Take a new menu (still without an image)."""
    state = request.app[STATE]
    limit_rate(state, "richmenu")
    menu = await _checked_menu(request)
    menu_id = f"richmenu-{secrets.token_hex(16)}"
    state.truth.rich_menus[menu_id] = {"richMenuId": menu_id, **menu}
    return answer(200, {"richMenuId": menu_id})


async def validate(request: web.Request) -> web.Response:
    """Say whether a menu would be taken."""
    await _checked_menu(request)
    return answer(200, {})


async def read(request: web.Request) -> web.Response:
    """Return one menu."""
    state = request.app[STATE]
    return answer(200, state.truth.rich_menus[_menu_id(request, state)])


async def read_all(request: web.Request) -> web.Response:
    """Return all menus."""
    menus = list(request.app[STATE].truth.rich_menus.values())
    return answer(200, {"richmenus": menus})


async def delete(request: web.Request) -> web.Response:
    """Forget a menu; people linked to it see the default again."""
    state = request.app[STATE]
    menu_id = _menu_id(request, state)
    del state.truth.rich_menus[menu_id]
    state.truth.rich_menu_images.pop(menu_id, None)
    if state.truth.default_rich_menu == menu_id:
        state.truth.default_rich_menu = None
    return answer(200, {})


async def upload(request: web.Request) -> web.Response:
    """Take the image of a menu: JPEG or PNG, once, at most 1 MB."""
    state = request.app[STATE]
    menu_id = _menu_id(request, state)
    data = await request.read()
    if request.content_type not in ("image/png", "image/jpeg"):
        raise Refused(415, "Unsupported Media Type")
    if not 0 < len(data) <= _IMAGE_BYTES:
        raise Refused(413, "Request Entity Too Large")
    if menu_id in state.truth.rich_menu_images:
        raise Refused(400, "An image has already been uploaded to the richmenu")
    _check_png_size(data, state.truth.rich_menus[menu_id]["size"])
    state.truth.rich_menu_images[menu_id] = (request.content_type, data)
    return answer(200, {})


async def download(request: web.Request) -> web.Response:
    """Return the image of a menu."""
    state = request.app[STATE]
    image = state.truth.rich_menu_images.get(_menu_id(request, state))
    if image is None:
        raise Refused(404, "Not found")
    return web.Response(body=image[1], content_type=image[0])


async def set_default(request: web.Request) -> web.Response:
    """Show a menu to everyone who has none of their own."""
    state = request.app[STATE]
    state.truth.default_rich_menu = _menu_with_image(request, state)
    return answer(200, {})


async def read_default(request: web.Request) -> web.Response:
    """Return the id of the default menu."""
    menu_id = request.app[STATE].truth.default_rich_menu
    if menu_id is None:
        raise Refused(404, "no default richmenu")
    return answer(200, {"richMenuId": menu_id})


async def clear_default(request: web.Request) -> web.Response:
    """Show no menu by default."""
    request.app[STATE].truth.default_rich_menu = None
    return answer(200, {})


async def link(request: web.Request) -> web.Response:
    """Show a menu to one person."""
    state = request.app[STATE]
    user = _user(state, request.match_info["user_id"])
    user.rich_menu_id = _menu_with_image(request, state)
    return answer(200, {})


async def unlink(request: web.Request) -> web.Response:
    """Show one person the default again."""
    _user(request.app[STATE], request.match_info["user_id"]).rich_menu_id = None
    return answer(200, {})


async def read_link(request: web.Request) -> web.Response:
    """Return the id of a person's own menu."""
    state = request.app[STATE]
    menu_id = _user(state, request.match_info["user_id"]).rich_menu_id
    if menu_id not in state.truth.rich_menus:
        raise Refused(404, "the user has no richmenu")
    return answer(200, {"richMenuId": menu_id})


async def bulk_link(request: web.Request) -> web.Response:
    """Show a menu to several people."""
    body = await checked(request, check=_BULK_LINK)
    truth = request.app[STATE].truth
    if body["richMenuId"] not in truth.rich_menus:
        raise Refused(404, "richmenu not found")
    _set_menu(request.app[STATE], body["userIds"], body["richMenuId"])
    return answer(202, {})


async def bulk_unlink(request: web.Request) -> web.Response:
    """Show several people the default again."""
    body = await checked(request, check=_BULK_UNLINK)
    _set_menu(request.app[STATE], body["userIds"], None)
    return answer(202, {})


async def _checked_menu(request: web.Request) -> dict[str, Any]:
    menu = await checked(request, check=_MENU)
    if menu["size"]["width"] / menu["size"]["height"] < _ASPECT:
        problem = Invalid("The aspect ratio (width / height) must be at least 1.45")
        problem.under("size")
        raise refused_for(problem)
    return menu


def _menu_id(request: web.Request, state: LineState) -> str:
    menu_id = request.match_info["menu_id"]
    if menu_id not in state.truth.rich_menus:
        raise Refused(404, "richmenu not found")
    return menu_id


def _menu_with_image(request: web.Request, state: LineState) -> str:
    menu_id = _menu_id(request, state)
    if menu_id not in state.truth.rich_menu_images:
        raise Refused(400, "must upload richmenu image before applying it to user")
    return menu_id


def _user(state: LineState, user_id: str) -> User:
    user = state.truth.users.get(user_id)
    if user is None:
        raise Refused(404, "user not found")
    return user


def _set_menu(state: LineState, user_ids: list[str], menu_id: str | None) -> None:
    for user_id in user_ids:
        user = state.truth.users.get(user_id)
        if user is not None:
            user.rich_menu_id = menu_id


def _check_png_size(data: bytes, size: dict[str, int]) -> None:
    """Refuse a PNG whose pixels are not those of its menu (a JPEG is taken as it is)."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return
    width, height = struct.unpack(">II", data[16:24])
    if (width, height) != (size["width"], size["height"]):
        raise Refused(400, "The image size must match the richmenu's size")
