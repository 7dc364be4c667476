"""The site map."""

from aiohttp import web

from backend.web import (
    account_link_page,
    application_form,
    card_entry_page,
    completion_page,
    confirmation_page,
    health,
    landing_page,
)

ROUTES = (
    # the payment: URL → card → confirmation → completion
    web.get("/p/{token}", landing_page.show),
    web.post("/p/{token}", landing_page.prove),
    web.get("/pay/{order_number}/entry", card_entry_page.show),
    web.post("/pay/{order_number}/entry", card_entry_page.begin_again),
    web.get("/pay/{order_number}/confirm", confirmation_page.show),
    web.post("/pay/{order_number}/confirm", confirmation_page.pay),
    web.get("/pay/{order_number}/done", completion_page.show),
    # the application to pay with another card
    web.get("/apply", application_form.show),
    web.post("/apply", application_form.ask),
    web.get("/apply/received", application_form.received),
    web.get("/apply/{verification_id}", application_form.show_code),
    web.post("/apply/{verification_id}", application_form.apply),
    # from a LINE chat to an account
    web.get("/link/{token}", account_link_page.show),
    web.post("/link/{token}", account_link_page.ask),
    web.get("/link/{token}/{verification_id}", account_link_page.show_code),
    web.post("/link/{token}/{verification_id}", account_link_page.link),
    # for browsers and platforms
    web.get("/static/{name}", health.static),
    web.get("/robots.txt", health.robots),
    web.get("/healthz", health.alive),
    web.get("/readyz", health.ready),
)
