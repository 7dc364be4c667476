"""What the outside world has received, gathered for the panel; and the raw truth behind it."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from emulators.phone.keys import OUTSIDE
from emulators.phone.outside import Outside

_SHOWN_CHARGES = 8
_GATEWAY_PARTS = "charges,cards,registrations,refunds"


def add_routes(app: web.Application) -> None:
    """Mount the panel."""
    app.router.add_get("/api/received", read_received)
    app.router.add_get("/api/raw/{service:line|twilio|gateway}", read_raw)


async def read_received(request: web.Request) -> web.Response:
    """Return sums and the latest charges."""
    outside = request.app[OUTSIDE]
    return web.json_response(
        {
            "gateway": _of_gateway(await outside.read(f"{outside.gateway}/truth?parts={_GATEWAY_PARTS}")),
            "line": _of_line(await outside.read(f"{outside.line}/truth/summary")),
            "twilio": _of_twilio(await outside.read(f"{outside.twilio}/truth/summary")),
        }
    )


async def read_raw(request: web.Request) -> web.Response:
    """Return the whole truth of one emulator."""
    outside = request.app[OUTSIDE]
    bases: dict[str, Callable[[Outside], str]] = {
        "line": lambda world: world.line,
        "twilio": lambda world: world.twilio,
        "gateway": lambda world: world.gateway,
    }
    base = bases[request.match_info["service"]](outside)
    return web.json_response(await outside.read(f"{base}/truth"))


def _of_gateway(truth: Any) -> dict[str, Any]:
    charges = truth["charges"]
    last4 = {card["id"]: card["last4"] for card in truth["cards"]}
    taken = [charge for charge in charges if charge["status"] == "succeeded"]
    latest = charges[: -_SHOWN_CHARGES - 1 : -1]
    return {
        "charges": len(charges),
        "taken": len(taken),
        "yen": sum(charge["amount"] - charge["amount_refunded"] for charge in taken),
        "declined": sum(charge["status"] == "declined" for charge in charges),
        "refunds": len(truth["refunds"]),
        "registrations": len(truth["registrations"]),
        "cards": sum(not card["detached"] for card in truth["cards"]),
        "latest": [_charge(charge, last4=last4.get(charge["card"], "")) for charge in latest],
    }


def _charge(charge: Any, *, last4: str) -> dict[str, Any]:
    fields = ("id", "reference", "amount", "status", "decline_code", "present", "created")
    return {name: charge[name] for name in fields} | {"last4": last4}


def _of_line(summary: Any) -> dict[str, Any]:
    return {
        "pushes": summary["pushes_accepted"],
        "delivered": summary["pushes_delivered"],
        "replies": summary["replies"],
        "duplicates": summary["duplicates_refused"],
        "webhooks": summary["webhook_attempts"],
        "refused": _refused(summary),
    }


def _of_twilio(summary: Any) -> dict[str, Any]:
    statuses = summary["statuses"]
    received = statuses.get("received", 0)
    return {
        "sent": summary["messages"] - received,
        "segments": summary["segments_sent"],
        "received": received,
        "delivered": statuses.get("delivered", 0),
        "failed": sum(statuses.get(status, 0) for status in ("undelivered", "failed")),
        "refused": _refused(summary),
    }


def _refused(summary: Any) -> int:
    return sum(count for status, count in summary["answers"].items() if int(status) >= 400)  # noqa: PLR2004 - HTTP
