"""Turns templates into pages: one environment, escaping on, nothing undefined; the words are in the templates."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import jinja2
from aiohttp import web

from backend.web.static import StaticFiles


class Renderer:
    """Compiles the page templates once; afterwards nothing touches a file."""

    def __init__(self, *, folder: Path, static: StaticFiles, sender_name: str, support_phone: str) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([folder, folder.parent / "shared"]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "asset": static.url,
            "sender_name": sender_name,
            "support_phone": support_phone,
            "consent_version": "",
        }
        self.consent_version = self._consent_version()
        self._environment.globals["consent_version"] = self.consent_version
        for name in self._environment.list_templates(extensions=["html"]):
            self._environment.get_template(name)

    def text(self, template: str, values: Mapping[str, object]) -> str:
        """The HTML of a page."""
        return self._environment.get_template(f"{template}.html").render(values)

    def _consent_version(self) -> str:
        """The consent text says its own version, so that text and version cannot part."""
        return str(self._environment.get_template("consent.html").make_module().version)  # type: ignore[attr-defined]


def html(text: str, *, policy: str, status: int = 200, extra_headers: Iterable[tuple[str, str]] = ()) -> web.Response:
    """An answer to a browser."""
    return web.Response(
        status=status,
        text=text,
        content_type="text/html",
        charset="utf-8",
        headers=[("Content-Security-Policy", policy), *extra_headers],
    )
