"""Rich menu aliases: the second names that tabs switch to."""

from aiohttp import web

from emulators.line.bot_api import checked
from emulators.line.errors import Refused, answer
from emulators.line.keys import STATE
from emulators.line.validation.checks import matching, shape, utf16_text

_ALIAS_ID = matching(r"[a-z0-9_-]{1,32}", message="invalid alias id")
_NEW_ALIAS = shape(
    required=["richMenuAliasId", "richMenuId"],
    richMenuAliasId=_ALIAS_ID,
    richMenuId=utf16_text(most=100),
)
_ALIAS = shape(required=["richMenuId"], richMenuId=utf16_text(most=100))


async def create(request: web.Request) -> web.Response:
    """Give a menu a second name that tabs can switch to."""
    body = await checked(request, check=_NEW_ALIAS)
    truth = request.app[STATE].truth
    if body["richMenuAliasId"] in truth.rich_menu_aliases:
        raise Refused(400, "conflict richmenu alias id")
    if body["richMenuId"] not in truth.rich_menu_images:
        raise Refused(400, "richmenu not found or without an image")
    truth.rich_menu_aliases[body["richMenuAliasId"]] = body["richMenuId"]
    return answer(200, {})


async def update(request: web.Request) -> web.Response:
    """Point an alias to another menu."""
    body = await checked(request, check=_ALIAS)
    truth = request.app[STATE].truth
    if body["richMenuId"] not in truth.rich_menu_images:
        raise Refused(400, "richmenu not found or without an image")
    truth.rich_menu_aliases[_alias_id(request)] = body["richMenuId"]
    return answer(200, {})


async def read(request: web.Request) -> web.Response:
    """Return one alias."""
    alias = _alias_id(request)
    menu_id = request.app[STATE].truth.rich_menu_aliases[alias]
    return answer(200, {"richMenuAliasId": alias, "richMenuId": menu_id})


async def read_all(request: web.Request) -> web.Response:
    """Return all aliases."""
    pairs = request.app[STATE].truth.rich_menu_aliases.items()
    aliases = [{"richMenuAliasId": alias, "richMenuId": menu} for alias, menu in pairs]
    return answer(200, {"aliases": aliases})


async def delete(request: web.Request) -> web.Response:
    """Forget an alias."""
    del request.app[STATE].truth.rich_menu_aliases[_alias_id(request)]
    return answer(200, {})


def _alias_id(request: web.Request) -> str:
    alias = request.match_info["alias_id"]
    if alias not in request.app[STATE].truth.rich_menu_aliases:
        raise Refused(404, "richmenu alias not found")
    return alias
