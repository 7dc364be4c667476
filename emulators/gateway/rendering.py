"""Turns templates into pages with strict headers; every page is HTML and is never cached."""

from pathlib import Path

import jinja2
from aiohttp import web

PAGES = Path(__file__).parent / "pages"
ASSETS = {
    "card.css": ("text/css", (PAGES / "card.css").read_bytes()),
    "fields.js": ("text/javascript", (PAGES / "fields.js").read_bytes()),
}
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(PAGES),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    template: str,
    *,
    framed_by: str | None = None,
    leads_to: str | None = None,
    status: int = 200,
    **values: object,
) -> web.Response:
    """Return a rendered page.

    `framed_by` is the one origin that may embed it (None: nobody may), `leads_to` an origin that
    its forms may end at, beside our own: browsers judge redirects after a POST by `form-action`.
    """
    return web.Response(
        status=status,
        text=ENVIRONMENT.get_template(template).render(values),
        content_type="text/html",
        charset="utf-8",
        headers={"Content-Security-Policy": _policy(framed_by=framed_by, leads_to=leads_to)},
    )


async def asset(request: web.Request) -> web.Response:
    """`GET /assets/{name}`: the style sheet and the script of the pages."""
    found = ASSETS.get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    content_type, body = found
    return web.Response(
        body=body,
        content_type=content_type,
        charset="utf-8",
        headers={"Cache-Control": "no-cache"},
    )


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer of the gateway carries."""
    del request
    headers = response.headers
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Server"] = "sandbox-gateway"


def _policy(*, framed_by: str | None, leads_to: str | None) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            f"form-action 'self' {leads_to or ''}".strip(),
            "frame-ancestors " + (framed_by or "'none'"),
        ]
    )
