"""The rules of charging: who declines, who asks for authentication, what ends how."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from emulators.gateway.card_form import is_expired
from emulators.gateway.cards import ADVICE, DeclineCode
from emulators.gateway.outcomes import Outcome
from emulators.gateway.records import Card, Challenge, Charge, ChargeStatus
from emulators.gateway.state import GatewayState, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOrder:
    """What the merchant asks for; `amount` is whole yen."""

    customer: str
    card: Card
    amount: int
    reference: str
    transaction_id: str
    present: bool
    metadata: Mapping[str, str]
    return_url: str | None


def charge(state: GatewayState, order: ChargeOrder) -> Charge:
    """Try to take the money once; keep and return what came of it."""
    outcome = _outcome(state, order)
    now = state.clock.now().timestamp()
    made = _apply(
        Charge(
            id=new_id("ch"),
            status=ChargeStatus.SUCCEEDED,
            amount=order.amount,
            customer=order.customer,
            card=order.card.id,
            reference=order.reference,
            transaction_id=order.transaction_id,
            present=order.present,
            created=int(now),
            recorded_at=now,
            metadata=order.metadata,
            return_url=order.return_url,
        ),
        outcome,
    )
    if outcome.requires_action:
        made = _with_challenge(state, made)
    state.keep_charge(made)
    return made


def cancel(state: GatewayState, made: Charge) -> Charge:
    """Cancel a charge that waits for the customer; any other stays as it is."""
    if made.status is not ChargeStatus.REQUIRES_ACTION:
        return made
    canceled = replace(made, status=ChargeStatus.CANCELED, action_url=None)
    state.keep_charge(canceled)
    return canceled


def finish_action(state: GatewayState, made: Charge, *, is_confirmed: bool) -> Charge:
    """Go on after the customer's authentication, unless the charge has ended meanwhile."""
    if made.status is not ChargeStatus.REQUIRES_ACTION:
        return made
    if is_confirmed:
        outcome = Outcome(decline_code=made.after_action)
    else:
        outcome = Outcome(decline_code=DeclineCode.AUTHENTICATION_FAILED)
    finished = replace(_apply(made, outcome), action_url=None)
    state.keep_charge(finished)
    return finished


def succeed_late(state: GatewayState, made: Charge) -> Charge:
    """Turn a declined charge into a success: the evidence that came late."""
    late = replace(made, status=ChargeStatus.SUCCEEDED, decline_code=None, advice=None)
    state.keep_charge(late)
    return late


def _apply(made: Charge, outcome: Outcome) -> Charge:
    if outcome.requires_action:
        return replace(made, status=ChargeStatus.REQUIRES_ACTION, after_action=outcome.decline_code)
    if outcome.decline_code is None:
        return replace(made, status=ChargeStatus.SUCCEEDED)
    return replace(
        made,
        status=ChargeStatus.DECLINED,
        decline_code=outcome.decline_code,
        advice=outcome.advice or ADVICE.get(outcome.decline_code),
    )


def _outcome(state: GatewayState, order: ChargeOrder) -> Outcome:
    """Return what happens: a dead card first, then the script, then the card's own way."""
    if order.card.detached:
        return Outcome(decline_code=DeclineCode.RESTRICTED_CARD)
    scripted = state.outcomes.take(customer=order.customer, reference=order.reference)
    if scripted is None:
        return _by_card(state, order)
    if scripted.requires_action and not order.present:
        return Outcome(decline_code=DeclineCode.AUTHENTICATION_REQUIRED)
    return scripted


def _by_card(state: GatewayState, order: ChargeOrder) -> Outcome:
    card, behaviour = order.card, order.card.behaviour
    if is_expired(exp_month=card.exp_month, exp_year=card.exp_year, now=state.clock.now()):
        return Outcome(decline_code=DeclineCode.EXPIRED_CARD)
    if behaviour.asks_when_present and order.present:
        return Outcome(requires_action=True)
    if behaviour.declines_when_absent and not order.present:
        return Outcome(decline_code=behaviour.declines_when_absent)
    if state.succeeded_on_card.get(card.id, 0) < behaviour.charges_before_declines:
        return Outcome()
    return Outcome(decline_code=behaviour.declines_charges)


def _with_challenge(state: GatewayState, made: Charge) -> Charge:
    challenge = Challenge(token=secrets.token_urlsafe(24), charge=made.id)
    state.challenges[challenge.token] = challenge
    return replace(made, action_url=f"{state.config.public_base}/3ds/{challenge.token}")
