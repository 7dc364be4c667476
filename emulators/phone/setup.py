"""What the page asks for first: the people, the services and the switches there are."""

from aiohttp import web

from emulators.phone.faults import FAULTS
from emulators.phone.keys import CONFIG, OUTSIDE, PEOPLE
from emulators.phone.times import follow_product


def add_routes(app: web.Application) -> None:
    """Mount the first call."""
    app.router.add_get("/api/setup", read_setup)


async def read_setup(request: web.Request) -> web.Response:
    """Return everything that stays as it is, and bring emulators that were started afresh up to date."""
    config, outside, people = request.app[CONFIG], request.app[OUTSIDE], request.app[PEOPLE]
    await follow_product(outside, now=await config.now())
    blocked = await people.introduce(outside)
    about = await outside.read(f"{outside.line}/about")
    return web.json_response(
        {
            "bot_name": about["bot_name"],
            "sms_sender": config.sms_sender,
            "web_base": config.web_base,
            "can_run_due": config.run_due is not None,
            "customers": [
                person.as_json(is_blocked=blocked.get(person.line_user_id or "", False)) for person in people
            ],
            "faults": [{"id": fault.id, "label": fault.label} for fault in FAULTS],
        }
    )
