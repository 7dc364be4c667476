"""Shows the truth: what tests compare with, and what the phone page displays."""

from collections.abc import Callable

from aiohttp import web

from emulators.gateway import account
from emulators.gateway.bodies import read_query, whole_in_query
from emulators.gateway.errors import invalid, json_answer
from emulators.gateway.keys import STATE
from emulators.gateway.records import Json
from emulators.gateway.state import GatewayState

MOST_ROWS = 10_000_000
PARTS = (
    "customers",
    "registrations",
    "cards",
    "charges",
    "refunds",
    "disputes",
    "transactions",
    "settlements",
    "webhooks",
    "requests",
)


async def show_truth(request: web.Request) -> web.Response:
    """`GET /_control/truth?parts=charges,refunds&last=20`: all of it by default."""
    state = request.config_dict[STATE]
    query = read_query(request, allowed=frozenset({"parts", "last"}))
    parts = query.get("parts", ",".join(PARTS)).split(",")
    if unknown := set(parts) - set(PARTS):
        raise invalid(f"unknown part: {min(unknown)}")
    last = whole_in_query(query, "last", least=1, most=MOST_ROWS) or MOST_ROWS
    return json_answer({part: _part(state, part, last=last) for part in parts})


async def show_requests(request: web.Request) -> web.Response:
    """`GET /_control/requests`: the last API requests, oldest first, card numbers blotted out."""
    log = request.config_dict[STATE].requests
    return json_answer({"data": [received.as_json() for received in log.last]})


def _part(state: GatewayState, part: str, *, last: int) -> object:
    if part == "requests":
        return dict(state.requests.counts)
    return _rows(state, part)[-last:]


def _rows(state: GatewayState, part: str) -> list[Json]:
    rows: dict[str, Callable[[], list[Json]]] = {
        "customers": lambda: [customer.as_json() for customer in state.customers.values()],
        "registrations": lambda: [state.show(one) for one in state.registrations.values()],
        "cards": lambda: [card.as_json() for card in state.cards.values()],
        "charges": lambda: [charge.as_json() for charge in state.charges.all()],
        "refunds": lambda: [refund.as_json() for refund in state.refunds.values()],
        "disputes": lambda: [dispute.as_json() for dispute in state.disputes.values()],
        "settlements": lambda: account.settlements(state),
        "transactions": lambda: [line.as_json() for line in state.transactions.all()],
        "webhooks": lambda: [event.as_json() for event in state.postman.events.values()],
    }
    return rows[part]()
