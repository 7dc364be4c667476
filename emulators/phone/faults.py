"""The fault corner: one press, one thing that goes wrong outside."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiohttp import web

from emulators.phone.keys import OUTSIDE


class Place(StrEnum):
    """Where something goes wrong."""

    GATEWAY = "gateway"
    LINE = "line"
    TWILIO = "twilio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One call of a control plane and what the page says of it."""

    id: str
    label: str
    done: str
    place: Place
    path: str
    body: dict[str, Any]


def _outcome(**charge: object) -> dict[str, Any]:
    return {"charges": [charge]}


def _rule(kind: str, path: str) -> dict[str, Any]:
    return {"rules": [{"kind": kind, "path": path, "method": "POST", "times": 1}]}


FAULTS = (
    Fault(
        id="declined",
        label="決済：残高不足",
        done="次の決済は、残高不足でお断りになります。",
        place=Place.GATEWAY,
        path="outcomes",
        body=_outcome(decline_code="insufficient_funds"),
    ),
    Fault(
        id="stolen",
        label="決済：盗難カード",
        done="次の決済は、盗難カードとしてお断りになります。",
        place=Place.GATEWAY,
        path="outcomes",
        body=_outcome(decline_code="stolen_card"),
    ),
    Fault(
        id="timeout",
        label="決済：通信断",
        done="次の決済は成立しますが、返事の前に通信が切れます。",
        place=Place.GATEWAY,
        path="faults",
        body=_rule("drop_after", "/v1/charges"),
    ),
    Fault(
        id="ok",
        label="決済：成功",
        done="次の決済は成功します。決済代行会社の通信障害も取り除きました。",
        place=Place.GATEWAY,
        path="outcomes",
        body=_outcome(succeed=True),
    ),
    Fault(
        id="line-500",
        label="LINE：1回だけ500",
        done="LINEへの次の送信は、1回だけ500になります。",
        place=Place.LINE,
        path="faults",
        body=_rule("500_before", "/v2/bot/message/*"),
    ),
    Fault(
        id="twilio-500",
        label="SMS：1回だけ500",
        done="SMSの次の送信は、1回だけ500になります。",
        place=Place.TWILIO,
        path="faults",
        body=_rule("500_before", "/2010-04-01/*"),
    ),
)
_BY_ID = {fault.id: fault for fault in FAULTS}


def add_routes(app: web.Application) -> None:
    """Mount the fault corner."""
    app.router.add_post("/api/faults/{id}", press)


async def press(request: web.Request) -> web.Response:
    """Arrange one fault and say what will happen."""
    fault = _BY_ID.get(request.match_info["id"])
    if fault is None:
        raise web.HTTPNotFound(text="そのような障害はありません。")
    outside = request.app[OUTSIDE]
    bases = {Place.GATEWAY: outside.gateway, Place.LINE: outside.line, Place.TWILIO: outside.twilio}
    if fault.id == "ok":
        await outside.tell(f"{outside.gateway}/faults", {"rules": []})
    await outside.tell(f"{bases[fault.place]}/{fault.path}", fault.body)
    return web.json_response({"done": fault.done})
