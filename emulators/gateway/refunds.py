"""Refunds: at most what was captured and not given back yet, never while a dispute is open, never too late."""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from emulators.gateway.bodies import read_body, read_query
from emulators.gateway.charge_calls import MOST_YEN, list_limit, recorded_before
from emulators.gateway.errors import GatewayError, invalid, json_answer, not_found
from emulators.gateway.keys import STATE
from emulators.gateway.money_records import DisputeStatus, Refund
from emulators.gateway.records import Charge, ChargeStatus
from emulators.gateway.state import GatewayState, new_id

LIST_PARAMETERS = frozenset({"charge", "limit", "starting_after"})
REFUNDABLE_SECONDS = 180 * 24 * 3600


async def create(request: web.Request) -> web.Response:
    """`POST /v1/refunds`: give money of one charge back."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    charge = state.charges.get(body.text("charge"))
    amount = body.whole("amount", least=1, most=MOST_YEN)
    metadata = body.labels("metadata")
    body.finish()
    if charge is None:
        raise invalid("no such charge", code="resource_missing")
    return json_answer(give_back(state, charge, amount=amount, metadata=metadata).as_json())


async def fetch(request: web.Request) -> web.Response:
    """`GET /v1/refunds/{id}`."""
    refund = request.config_dict[STATE].refunds.get(request.match_info["id"])
    if refund is None:
        raise not_found("no such refund")
    return json_answer(refund.as_json())


async def list_newest_first(request: web.Request) -> web.Response:
    """`GET /v1/refunds`: newest first; refunds younger than the list lag are not there yet."""
    state = request.config_dict[STATE]
    query = read_query(request, allowed=LIST_PARAMETERS)
    made = list(reversed(state.refunds.values()))
    if (after := query.get("starting_after")) is not None:
        made = _behind(made, after)
    wanted, limit = query.get("charge"), list_limit(query)
    found = [one for one in made if wanted in (None, one.charge) and one.recorded_at < recorded_before(state)]
    data = [one.as_json() for one in found[:limit]]
    return json_answer({"data": data, "has_more": len(found) > limit})


def give_back(state: GatewayState, charge: Charge, *, amount: int, metadata: Mapping[str, str]) -> Refund:
    """Refund `amount` yen of `charge`, or refuse it with 400."""
    if refusal := _refusal(state, charge, amount=amount):
        raise refusal
    now = state.clock.now().timestamp()
    refund = Refund(
        id=new_id("re"),
        charge=charge.id,
        amount=amount,
        attempt_id=charge.metadata.get("attempt_id"),
        created=int(now),
        recorded_at=now,
        metadata=metadata,
    )
    state.keep_refund(refund, charge=replace(charge, amount_refunded=charge.amount_refunded + amount))
    return refund


def left_to_refund(state: GatewayState, charge: Charge) -> int:
    """Return what neither a refund nor a dispute has taken back, in yen."""
    disputes = [state.disputes[one] for one in state.disputes_of.get(charge.id, [])]
    disputed = sum(one.amount for one in disputes if one.status is not DisputeStatus.WON)
    return charge.amount - charge.amount_refunded - disputed


def _refusal(state: GatewayState, charge: Charge, *, amount: int) -> GatewayError | None:
    disputes = [state.disputes[one] for one in state.disputes_of.get(charge.id, [])]
    if charge.status is not ChargeStatus.SUCCEEDED:
        return invalid("only a succeeded charge can be refunded", code="charge_not_succeeded")
    if any(one.status is DisputeStatus.OPEN for one in disputes):
        return invalid("a dispute about this charge is open", code="charge_disputed")
    if amount > left_to_refund(state, charge):
        return invalid("more than was captured and not given back yet", code="refund_too_large")
    if state.clock.unix() - charge.created >= REFUNDABLE_SECONDS:
        return invalid("the charge is too old", code="refund_too_late")
    return None


def _behind(made: list[Refund], after: str) -> list[Refund]:
    ids = [one.id for one in made]
    if after not in ids:
        raise invalid(f"no such refund: {after}", code="resource_missing")
    return made[ids.index(after) + 1 :]
