"""Calls about charges: make one, fetch it, list them, cancel it."""

from aiohttp import web

from emulators.gateway import charges
from emulators.gateway.bodies import Body, read_body, read_query, whole_in_query
from emulators.gateway.books import ChargeFilter
from emulators.gateway.charges import ChargeOrder
from emulators.gateway.errors import declined, invalid, json_answer, not_found
from emulators.gateway.keys import STATE
from emulators.gateway.records import Charge, ChargeStatus
from emulators.gateway.registrations import checked_url
from emulators.gateway.state import GatewayState

MOST_YEN = 9_999_999
MOST_LISTED = 100
DEFAULT_LISTED = 10
LIST_PARAMETERS = frozenset({"customer", "reference", "limit", "starting_after"})


async def create(request: web.Request) -> web.Response:
    """`POST /v1/charges`: 200, or 402 with the declined charge's id."""
    state = request.config_dict[STATE]
    order = _order(state, await read_body(request))
    if order.card.behaviour.refuses_merchant:
        raise invalid("this account may not charge such a card", code="merchant_not_allowed")
    made = charges.charge(state, order)
    if made.status is ChargeStatus.DECLINED:
        raise declined(made)
    return json_answer(made.as_json())


async def fetch(request: web.Request) -> web.Response:
    """`GET /v1/charges/{id}`."""
    return json_answer(named(request).as_json())


async def cancel(request: web.Request) -> web.Response:
    """`POST /v1/charges/{id}/cancel`: only what waits for the customer is cancelled."""
    (await read_body(request)).finish()
    return json_answer(charges.cancel(request.config_dict[STATE], named(request)).as_json())


async def list_newest_first(request: web.Request) -> web.Response:
    """`GET /v1/charges`: newest first; charges younger than the list lag are not there yet."""
    state = request.config_dict[STATE]
    query = read_query(request, allowed=LIST_PARAMETERS)
    after = query.get("starting_after")
    if after is not None and state.charges.get(after) is None:
        raise invalid(f"no such charge: {after}", code="resource_missing")
    page, has_more = state.charges.page(
        ChargeFilter(
            customer=query.get("customer"),
            reference=query.get("reference"),
            limit=list_limit(query),
            starting_after=after,
            recorded_before=recorded_before(state),
        )
    )
    return json_answer({"data": [made.as_json() for made in page], "has_more": has_more})


def named(request: web.Request) -> Charge:
    """Return the charge that the path names, or refuse with 404."""
    made = request.config_dict[STATE].charges.get(request.match_info["id"])
    if made is None:
        raise not_found("no such charge")
    return made


def list_limit(query: dict[str, str]) -> int:
    """Return how many rows a list call wants."""
    return whole_in_query(query, "limit", least=1, most=MOST_LISTED) or DEFAULT_LISTED


def recorded_before(state: GatewayState) -> float:
    """Return the instant (Unix seconds) before which a row must be recorded to be listed."""
    lag = state.faults.list_lag_seconds
    return state.clock.now().timestamp() - lag if lag > 0 else float("inf")


def _order(state: GatewayState, body: Body) -> ChargeOrder:
    customer = state.customer(body.text("customer")).id
    card = state.cards.get(body.text("card"))
    if card is None or card.customer != customer:
        raise invalid("this customer has no such card", code="resource_missing")
    if body.text("currency") != "jpy":
        raise invalid("currency must be jpy")
    order = ChargeOrder(
        customer=customer,
        card=card,
        amount=body.whole("amount", least=1, most=MOST_YEN),
        reference=body.text("reference"),
        transaction_id=body.text("transaction_id"),
        present=body.flag("present"),
        metadata=body.labels("metadata"),
        return_url=_return_url(body),
    )
    body.finish()
    return order


def _return_url(body: Body) -> str | None:
    url = body.optional_text("return_url")
    return checked_url(url, name="return_url") if url is not None else None
