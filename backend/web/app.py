"""Builds the pages as one aiohttp application; app/web.py adds the hooks before it starts."""

import time
from functools import cache
from pathlib import Path

from aiohttp import web

from backend.ports import LineAccountLink
from backend.store.readiness import older_migrations
from backend.usecases.services import Services
from backend.web import headers, keys, middlewares
from backend.web.limiter import Limiter
from backend.web.page_settings import PageSettings, public_address
from backend.web.refused_signatures import RefusedSignatures
from backend.web.rendering import Renderer
from backend.web.routes import ROUTES
from backend.web.static import StaticFiles

_LARGEST_BODY_BYTES = 1024 * 1024  # the hooks' (channels.md 8.8); forms have a smaller limit of their own
_UNKNOWN_TOKENS_A_MINUTE = 20  # f84
_CODES_A_MINUTE = 20  # from one address; an account has a limit of its own


def create_web_app(*, services: Services, pages: PageSettings, line_link: LineAccountLink) -> web.Application:
    """Return the pages, with everything that stands before them. Reads the templates once."""
    headers.hide_server_name()
    app = web.Application(
        client_max_size=_LARGEST_BODY_BYTES,
        middlewares=[
            middlewares.give_id,
            middlewares.name_actor,
            middlewares.explain_errors,
            middlewares.check_host,
            middlewares.check_origin,
            middlewares.take_body,
            middlewares.count_refused_signatures,
        ],
    )
    _provide(app, services=services, pages=pages, line_link=line_link)
    app.on_response_prepare.append(headers.harden)
    app.add_routes(ROUTES)
    return app


def _provide(app: web.Application, *, services: Services, pages: PageSettings, line_link: LineAccountLink) -> None:
    static, renderer = compile_pages(
        pages.templates_dir / "pages", sender_name=pages.sender_name, support_phone=pages.support_phone
    )
    app[keys.SERVICES] = services
    app[keys.SETTINGS] = pages
    app[keys.ADDRESS] = public_address(services.public_base_url)
    app[keys.STATIC] = static
    app[keys.RENDERER] = renderer
    app[keys.LINE_LINK] = line_link
    app[keys.UNKNOWN_TOKENS] = Limiter(limit=_UNKNOWN_TOKENS_A_MINUTE, seconds=time.monotonic)
    app[keys.CODE_STARTS] = Limiter(limit=_CODES_A_MINUTE, seconds=time.monotonic)
    app[keys.REFUSED_SIGNATURES] = RefusedSignatures(seconds=time.monotonic)
    app[keys.OLDER_MIGRATIONS] = older_migrations()


@cache
def compile_pages(folder: Path, *, sender_name: str, support_phone: str) -> tuple[StaticFiles, Renderer]:
    """Compiling takes a moment: once in a process, however many applications it builds (the tests build hundreds)."""
    static = StaticFiles(folder / "static")
    return static, Renderer(folder=folder, static=static, sender_name=sender_name, support_phone=support_phone)
