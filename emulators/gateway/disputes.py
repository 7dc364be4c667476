"""Disputes (chargebacks): opened and closed from outside the merchant's API, which only shows them."""

from dataclasses import replace

from aiohttp import web

from emulators.gateway.errors import invalid, json_answer, not_found
from emulators.gateway.keys import STATE
from emulators.gateway.money_records import Dispute, DisputeStatus
from emulators.gateway.records import Charge, ChargeStatus
from emulators.gateway.refunds import left_to_refund
from emulators.gateway.state import GatewayState, new_id


async def fetch(request: web.Request) -> web.Response:
    """`GET /v1/disputes/{id}`."""
    return json_answer(named(request).as_json())


def named(request: web.Request) -> Dispute:
    """Return the dispute that the path names, or refuse with 404."""
    dispute = request.config_dict[STATE].disputes.get(request.match_info["id"])
    if dispute is None:
        raise not_found("no such dispute")
    return dispute


def open_dispute(state: GatewayState, charge: Charge, *, amount: int | None, reason: str) -> Dispute:
    """Take `amount` yen back for the issuer; all that is left of the charge when it is None."""
    left = left_to_refund(state, charge)
    taken = left if amount is None else amount
    if charge.status is not ChargeStatus.SUCCEEDED or not 1 <= taken <= left:
        raise invalid("there is not so much to dispute", code="dispute_too_large")
    dispute = Dispute(
        id=new_id("dp"),
        charge=charge.id,
        amount=taken,
        reason=reason,
        attempt_id=charge.metadata.get("attempt_id"),
        created=state.clock.unix(),
    )
    state.keep_dispute(dispute, charge=charge)
    return dispute


def close(state: GatewayState, dispute: Dispute, *, status: DisputeStatus) -> Dispute:
    """End an open dispute: won gives the money back to the merchant, lost leaves it with the issuer."""
    charge = state.charges.get(dispute.charge)
    if dispute.status is not DisputeStatus.OPEN or status is DisputeStatus.OPEN or charge is None:
        raise invalid("only an open dispute can be won or lost", code="dispute_not_open")
    closed = replace(dispute, status=status, closed_at=state.clock.unix())
    state.keep_dispute(closed, charge=charge)
    return closed
