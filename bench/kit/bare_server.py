"""Yardsticks on the server's side: `python -m bench.kit.bare_server [bytes]`, on uvloop as the product's processes.

`POST /hook` checks a LINE signature and nothing else; `GET /page` returns a text of so many bytes.
"""

import base64
import hashlib
import hmac
import sys

import uvloop
from aiohttp import web

from bench.kit.outsiders import SECRET, serve


async def hook(request: web.Request) -> web.Response:
    """200 for a signed body."""
    digest = hmac.digest(SECRET.encode(), await request.read(), hashlib.sha256)
    is_signed = hmac.compare_digest(base64.b64encode(digest).decode(), request.headers["x-line-signature"])
    return web.Response(status=200 if is_signed else 401)


def create_app(*, size: int) -> web.Application:
    """Both yardsticks."""
    page = "x" * size

    async def show(request: web.Request) -> web.Response:
        del request
        return web.Response(text=page, content_type="text/html")

    app = web.Application()
    app.add_routes([web.post("/hook", hook), web.get("/page", show)])
    return app


if __name__ == "__main__":
    uvloop.run(serve(create_app(size=int(sys.argv[1]) if len(sys.argv) > 1 else 0)))
