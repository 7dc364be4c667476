"""Moves the product and the three emulators through time together; never back."""

import asyncio
from datetime import datetime

from aiohttp import web

from emulators.phone.answers import read_object
from emulators.phone.keys import CONFIG, OUTSIDE
from emulators.phone.outside import Outside
from emulators.phone.stops import JAPAN, stops

# Setting a clock twice within this time would change nothing that anyone could see.
_SAME_SECONDS = 5.0
_TRAVEL = web.AppKey("phone_travel", asyncio.Lock)


def add_routes(app: web.Application) -> None:
    """Mount the calendar."""
    app[_TRAVEL] = asyncio.Lock()
    app.router.add_get("/api/now", read_now)
    app.router.add_post("/api/travel", travel)
    app.router.add_post("/api/run_due", run_due)


async def read_now(request: web.Request) -> web.Response:
    """Return the product's time and where one may go from it."""
    now = (await request.app[CONFIG].now()).astimezone(JAPAN)
    return web.json_response(_told(now, is_travelling=request.app[_TRAVEL].locked()))


async def travel(request: web.Request) -> web.Response:
    """Go to `to` and answer when everything that is due then has been done."""
    config, outside = request.app[CONFIG], request.app[OUTSIDE]
    to = _instant((await read_object(request)).get("to"))
    async with request.app[_TRAVEL]:
        if to <= await config.now():
            raise web.HTTPConflict(
                text="過去には戻れません。届いたお知らせやお支払いを、なかったことにはできないためです。"
            )
        # First those who stamp webhooks, so that none of them seems to come from the past.
        await set_emulator_clocks(outside, now=to)
        try:
            await config.travel(to)
        finally:  # a journey that failed half-way leaves nobody ahead of the product
            await follow_product(outside, now=await config.now())
        now = (await config.now()).astimezone(JAPAN)
    return web.json_response(_told(now, is_travelling=False))


async def run_due(request: web.Request) -> web.Response:
    """Do what is due now, without moving time."""
    work = request.app[CONFIG].run_due
    if work is None:
        raise web.HTTPNotFound(text="この起動方法では、期限の来た処理は自動で行われます。")
    async with request.app[_TRAVEL]:
        await work()
    return await read_now(request)


async def follow_product(outside: Outside, *, now: datetime) -> None:
    """Bring emulators that were started afresh to the product's time."""
    for base in (outside.line, outside.twilio, outside.gateway):
        clock = datetime.fromisoformat((await outside.read(f"{base}/clock"))["now"])
        if abs((clock - now).total_seconds()) > _SAME_SECONDS:
            await outside.tell(f"{base}/clock", {"now": now.isoformat()})


async def set_emulator_clocks(outside: Outside, *, now: datetime) -> None:
    """Make `now` (aware) the present of LINE, Twilio and the gateway."""
    for base in (outside.line, outside.twilio, outside.gateway):
        await outside.tell(f"{base}/clock", {"now": now.isoformat()})


def _told(now: datetime, *, is_travelling: bool) -> dict[str, object]:
    return {
        "now": now.isoformat(),
        "is_travelling": is_travelling,
        "stops": [
            {"id": stop.id, "label": stop.label, "note": stop.note, "to": stop.to.isoformat()}
            for stop in stops(now=now)
        ],
    }


def _instant(text: object) -> datetime:
    """Read an ISO instant; one without an offset is meant in Japan."""
    try:
        to = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise web.HTTPBadRequest(text="日時の形が正しくありません。例: 2026-12-10T10:00") from error
    return to if to.tzinfo is not None else to.replace(tzinfo=JAPAN)
