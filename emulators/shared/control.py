"""The control plane that both emulators share: clock, faults, disturbance, waiting for quiet."""

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from emulators.shared.clock import EmulatorClock
from emulators.shared.courier import Courier
from emulators.shared.faults import Faults

PREFIX = "/_control"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonParts:
    """What every emulator has under its control plane."""

    clock: EmulatorClock
    faults: Faults
    courier: Courier


async def read_json(request: web.Request) -> Any:
    """Return the JSON body (an empty body is an empty object); 400 when it is not JSON."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw else {}
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"The body is not JSON: {error}") from error


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body; 400 when it is anything else."""
    data = await read_json(request)
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return data


def add_common_routes(app: web.Application, *, parts: CommonParts, deliveries: str) -> None:
    """Mount clock, faults, idle and the disturbance of deliveries (named `deliveries`)."""
    plane = _Plane(parts)
    app.router.add_get(f"{PREFIX}/clock", plane.read_clock)
    app.router.add_post(f"{PREFIX}/clock", plane.set_clock)
    app.router.add_get(f"{PREFIX}/faults", plane.read_faults)
    app.router.add_post(f"{PREFIX}/faults", plane.set_faults)
    app.router.add_get(f"{PREFIX}/{deliveries}", plane.read_disturbance)
    app.router.add_post(f"{PREFIX}/{deliveries}", plane.set_disturbance)
    app.router.add_get(f"{PREFIX}/idle", plane.idle)
    app.cleanup_ctx.append(parts.courier.life)
    app.on_shutdown.append(plane.stop)


class _Plane:
    def __init__(self, parts: CommonParts) -> None:
        self._parts = parts

    async def read_clock(self, _request: web.Request) -> web.Response:
        clock = self._parts.clock
        now = clock.now().isoformat()
        return web.json_response({"now": now, "offset_seconds": clock.offset_seconds})

    async def set_clock(self, request: web.Request) -> web.Response:
        data = await read_object(request)
        try:
            if "now" in data:
                self._parts.clock.set(now=_aware(str(data["now"])))
            else:
                self._parts.clock.shift(offset_seconds=float(data.get("offset_seconds", 0)))
        except (TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return await self.read_clock(request)

    async def read_faults(self, _request: web.Request) -> web.Response:
        faults = self._parts.faults
        rules = [asdict(rule) for rule in faults.rules]
        return web.json_response({"rules": rules, "latency_ms": faults.latency_ms, "applied": faults.applied})

    async def set_faults(self, request: web.Request) -> web.Response:
        data = await read_object(request)
        try:
            self._parts.faults.configure(data)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise web.HTTPBadRequest(text=f"Not a fault: {error}") from error
        return await self.read_faults(request)

    async def read_disturbance(self, _request: web.Request) -> web.Response:
        courier = self._parts.courier
        return web.json_response({**asdict(courier.disturbance), "lost": courier.lost})

    async def set_disturbance(self, request: web.Request) -> web.Response:
        data = await read_object(request)
        try:
            self._parts.courier.disturbance.configure(data)
        except (TypeError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return await self.read_disturbance(request)

    async def idle(self, request: web.Request) -> web.Response:
        seconds = float(request.query.get("timeout", "10"))
        try:
            async with asyncio.timeout(seconds):
                await self._parts.courier.idle()
        except TimeoutError:
            return web.json_response({"idle": False})
        return web.json_response({"idle": True})

    async def stop(self, _app: web.Application) -> None:
        self._parts.faults.stopping.set()


def _aware(text: str) -> datetime:
    now = datetime.fromisoformat(text)
    if now.tzinfo is None:
        raise ValueError("`now` needs a time zone, as in 2026-12-10T10:00:00+09:00.")
    return now
