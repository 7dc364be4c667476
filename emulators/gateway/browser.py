"""The routes that browsers use; an unguessable token in the path is the only key."""

from aiohttp import web

from emulators.gateway import challenge_page, fields_page, hosted_page, rendering


def add_routes(app: web.Application) -> None:
    """Add the card pages to `app`."""
    app.router.add_get("/assets/{name}", rendering.asset)
    app.router.add_get("/fields/{token}", fields_page.show)
    app.router.add_post("/fields/{token}", fields_page.submit)
    app.router.add_get("/hosted/{token}", hosted_page.show)
    app.router.add_post("/hosted/{token}", hosted_page.submit)
    app.router.add_get("/3ds/{token}", challenge_page.show)
    app.router.add_post("/3ds/{token}", challenge_page.answer)
    app.on_response_prepare.append(rendering.harden)
