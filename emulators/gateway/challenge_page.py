"""The 3-D Secure challenge: the issuer's question, asked here by the sandbox itself."""

from aiohttp import web

from emulators.gateway import charges, registrations, visits
from emulators.gateway.hosted_page import see
from emulators.gateway.keys import STATE
from emulators.gateway.records import (
    Challenge,
    Charge,
    ChargeStatus,
    Registration,
    RegistrationStatus,
)
from emulators.gateway.registrations import origin_of
from emulators.gateway.rendering import page
from emulators.gateway.state import GatewayState
from emulators.gateway.visits import NoSuchPage

CONFIRMED = "confirm"


async def show(request: web.Request) -> web.Response:
    """`GET /3ds/{token}`: the question; an answered one leads on."""
    state = request.config_dict[STATE]
    challenge = _challenge(request)
    if challenge.charge is not None:
        return _show_for_charge(state, _charge(state, challenge))
    return _show_for_registration(state, challenge)


async def answer(request: web.Request) -> web.Response:
    """`POST /3ds/{token}`: 認証する or 認証しない; only the first answer counts."""
    state = request.config_dict[STATE]
    challenge = _challenge(request)
    is_confirmed = (await request.post()).get("answer") == CONFIRMED
    if challenge.charge is not None:
        charge = _charge(state, challenge)
        return _after_charge(charges.finish_action(state, charge, is_confirmed=is_confirmed))
    registration = _registration(state, challenge)
    if _is_open(state, registration, challenge) and challenge.card is not None:
        registration = registrations.answer_challenge(
            state, registration, card=challenge.card, is_confirmed=is_confirmed
        )
    return _after_registration(registration, challenge)


def _show_for_charge(state: GatewayState, charge: Charge) -> web.Response:
    if charge.status is not ChargeStatus.REQUIRES_ACTION:
        return _after_charge(charge)
    return page(
        "challenge.html",
        leads_to=origin_of(charge.return_url) if charge.return_url else None,
        origin=None,
        merchant=state.config.merchant_name,
        card_ending=None,
        amount=f"{charge.amount:,}円",
    )


def _show_for_registration(state: GatewayState, challenge: Challenge) -> web.Response:
    registration = _registration(state, challenge)
    if not _is_open(state, registration, challenge) or challenge.card is None:
        return _after_registration(registration, challenge)
    return page(
        "challenge.html",
        framed_by=registration.origin if challenge.is_framed else None,
        leads_to=None if challenge.is_framed else origin_of(registration.return_url),
        origin=registration.origin if challenge.is_framed else None,
        merchant=state.config.merchant_name,
        card_ending=challenge.card.last4,
        amount=None,
    )


def _after_charge(charge: Charge) -> web.Response:
    if charge.return_url is not None:
        return see(visits.with_parameter(charge.return_url, "charge", charge.id))
    return page("challenge_done.html")


def _after_registration(registration: Registration, challenge: Challenge) -> web.Response:
    if challenge.is_framed:
        return see(f"/fields/{registration.token}?after=challenge")
    if registration.status is RegistrationStatus.SUCCEEDED:
        return see(visits.back_to_merchant(registration))
    return see(f"/hosted/{registration.token}")


def _is_open(state: GatewayState, registration: Registration, challenge: Challenge) -> bool:
    """Tell whether this is the registration's present question and there is still time."""
    return (
        registration.challenge_token == challenge.token
        and registration.status_at(now=state.clock.unix()) is RegistrationStatus.CHALLENGE
    )


def _challenge(request: web.Request) -> Challenge:
    found = request.config_dict[STATE].challenges.get(request.match_info["token"])
    if found is None:
        raise NoSuchPage
    return found


def _charge(state: GatewayState, challenge: Challenge) -> Charge:
    charge = state.charges.get(challenge.charge or "")
    if charge is None:
        raise NoSuchPage
    return charge


def _registration(state: GatewayState, challenge: Challenge) -> Registration:
    registration = state.registrations.get(challenge.registration or "")
    if registration is None:
        raise NoSuchPage
    return registration
