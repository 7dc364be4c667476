"""The phone page as an aiohttp application: a LINE-like and an SMS-like telephone, a calendar, and the outside world.

Everything under `/api/` is a thin proxy to the control planes of the emulators, so the page has one origin.

Browser tests drive the page by these `data-testid` attributes (the layout below 1100 px shows one view at a time;
`view-people`, `view-dates`, `view-line`, `view-sms`, `view-world` are its tabs):

- `customer`: a demo customer in the list (`data-customer-number`, `data-key`; `aria-pressed` on the chosen one);
  `customer-number` and `customer-phone`: the chosen one's own note of them; `unread`: a mark inside a `customer`.
- `line-input`, `line-send`: writing on LINE; `line-bubble`: a message (`data-sender` is bot, user or system,
  `data-seq`); `quick-reply`: a chip above the input; `line-action`: a button inside a bubble that answers;
  `uri`: a link of LINE or SMS that opens in a new tab; `line-block` (block or unblock, `aria-pressed`),
  `line-unsend`, `line-friend` (make friends first), `line-unread` and `sms-unread`: the marks on the tabs.
- `sms-input`, `sms-send`: writing an SMS; `sms-bubble`: an SMS (`data-direction`, `data-status`); `sms-reception`.
- `now`: the product's time (`datetime` attribute in ISO 8601); `travel-next-10`, `travel-next-15`, `travel-next-18`,
  `travel-next-20`, `travel-next-21`, `travel-month-10`, `travel-day-1`: the date buttons; `travel-input`,
  `travel-go`: any other instant; `travelling`: visible while time moves; `travel-error`; `run-due`.
- `received-gateway`, `received-line`, `received-twilio`: the panel's parts, with `count-*` inside; `charge`: a
  charge (`data-status`, `data-reference`); `fault-*`: the fault corner; `fault-done`: what was arranged.
- The `body` has `data-ready="true"` when the page has loaded and its stream is open.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from emulators.phone import answers, faults, feed, line_chat, received, setup, sms_screen, times
from emulators.phone.config import DemoCustomer, PhoneConfig
from emulators.phone.keys import CONFIG, OUTSIDE, PEOPLE
from emulators.phone.outside import open_outside
from emulators.phone.people import People

__all__ = ["DemoCustomer", "PhoneConfig", "create_app"]

_STATIC = Path(__file__).parent / "static"


def create_app(*, config: PhoneConfig) -> web.Application:
    """Build the page; it reaches the emulators when a browser asks, so they may start after it."""
    app = web.Application(middlewares=[answers.errors_as_sentences])
    app[CONFIG] = config
    app[PEOPLE] = People(config.customers)
    app.cleanup_ctx.append(_outside)
    app.on_response_prepare.append(answers.harden)
    app.router.add_get("/", _page)
    for part in (setup, times, line_chat, sms_screen, feed, received, faults):
        part.add_routes(app)
    app.router.add_static("/static", _STATIC)
    return app


async def _outside(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    async with open_outside(line=config.line_base, twilio=config.twilio_base, gateway=config.gateway_base) as outside:
        app[OUTSIDE] = outside
        yield


async def _page(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(_STATIC / "index.html")
