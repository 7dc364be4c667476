"""Card registration: the calls of the merchant, and what entering a card leads to."""

import hashlib
import hmac
import secrets
from dataclasses import replace
from urllib.parse import urlsplit

from aiohttp import web

from emulators.gateway import cards
from emulators.gateway.bodies import read_body
from emulators.gateway.card_form import CardEntry
from emulators.gateway.cards import Behaviour, Brand, DeclineCode
from emulators.gateway.errors import invalid, json_answer, not_found
from emulators.gateway.keys import STATE
from emulators.gateway.records import Card, Challenge, Registration, RegistrationStatus
from emulators.gateway.state import GatewayState, new_id

FAR_FUTURE = 2**40


async def create(request: web.Request) -> web.Response:
    """`POST /v1/card_registrations`: open a registration for the browser."""
    state = request.config_dict[STATE]
    body = await read_body(request)
    registration = Registration(
        id=new_id("reg"),
        token=secrets.token_urlsafe(24),
        customer=state.customer(body.text("customer")).id,
        reference=body.text("reference"),
        return_url=checked_url(body.text("return_url", longest=2000), name="return_url"),
        origin=_checked_origin(body.text("origin")),
        expires_at=body.whole("expires_at", least=state.clock.unix() + 1, most=FAR_FUTURE),
        created=state.clock.unix(),
        metadata=body.labels("metadata"),
    )
    body.finish()
    state.registration_of_token[registration.token] = registration.id
    state.keep_registration(registration)
    return json_answer(state.show(registration))


async def fetch(request: web.Request) -> web.Response:
    """`GET /v1/card_registrations/{id}`."""
    state = request.config_dict[STATE]
    registration = state.registrations.get(request.match_info["id"])
    if registration is None:
        raise not_found("no such registration")
    return json_answer(state.show(registration))


def enter_card(state: GatewayState, registration: Registration, *, entry: CardEntry, is_framed: bool) -> Registration:
    """Let the networks judge the typed card; return the registration's next state."""
    known = cards.TEST_NUMBERS.get(entry.number)
    if known is None:
        return decline(state, registration, code=DeclineCode.INVALID_NUMBER)
    if known.brand not in cards.ACCEPTED_BRANDS:
        return decline(state, registration, code=DeclineCode.UNACCEPTABLE_BRAND)
    if known.behaviour.refused_at_registration is not None:
        return decline(state, registration, code=known.behaviour.refused_at_registration)
    card = _card(state, registration, entry=entry, brand=known.brand, behaviour=known.behaviour)
    if known.behaviour.challenge in (cards.Challenge.ASKS, cards.Challenge.ALWAYS_FAILS):
        return _challenge(state, registration, card=card, is_framed=is_framed)
    return _succeed(state, registration, card=card)


def answer_challenge(
    state: GatewayState, registration: Registration, *, card: Card, is_confirmed: bool
) -> Registration:
    """Finish the 3-D Secure challenge of a registration."""
    if not is_confirmed or card.behaviour.challenge is cards.Challenge.ALWAYS_FAILS:
        return decline(state, registration, code=DeclineCode.AUTHENTICATION_FAILED)
    return _succeed(state, registration, card=replace(card, three_d_secure_at=state.clock.unix()))


def decline(state: GatewayState, registration: Registration, *, code: DeclineCode) -> Registration:
    """Decline what was entered; other card data may follow until the registration expires."""
    declined = replace(registration, status=RegistrationStatus.DECLINED, decline_code=code, challenge_token=None)
    state.keep_registration(declined)
    return declined


def checked_url(url: str, *, name: str) -> str:
    """Return `url` if a browser can be sent there, else refuse the call."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isprintable():
        raise invalid(f"{name} must be an absolute http(s) URL")
    return url


def origin_of(url: str) -> str:
    """Return the origin (scheme, host, port) of an absolute URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _checked_origin(origin: str) -> str:
    if origin_of(checked_url(origin, name="origin")) != origin or set(origin) & set(" ;,'\"@"):
        raise invalid("origin must be scheme://host[:port]")
    return origin


def _succeed(state: GatewayState, registration: Registration, *, card: Card) -> Registration:
    state.cards[card.id] = card
    succeeded = replace(
        registration,
        status=RegistrationStatus.SUCCEEDED,
        card=card,
        decline_code=None,
        challenge_token=None,
    )
    state.keep_registration(succeeded)
    return succeeded


def _challenge(state: GatewayState, registration: Registration, *, card: Card, is_framed: bool) -> Registration:
    challenge = Challenge(
        token=secrets.token_urlsafe(24),
        registration=registration.id,
        card=card,
        is_framed=is_framed,
    )
    state.challenges[challenge.token] = challenge
    challenged = replace(
        registration,
        status=RegistrationStatus.CHALLENGE,
        decline_code=None,
        challenge_token=challenge.token,
    )
    state.keep_registration(challenged)
    return challenged


def _card(
    state: GatewayState,
    registration: Registration,
    *,
    entry: CardEntry,
    brand: Brand,
    behaviour: Behaviour,
) -> Card:
    is_attempted = behaviour.challenge is cards.Challenge.ATTEMPTED
    return Card(
        id=new_id("card"),
        customer=registration.customer,
        brand=brand,
        last4=entry.number[-4:],
        exp_month=entry.exp_month,
        exp_year=entry.exp_year,
        fingerprint=_fingerprint(entry.number, secret=state.config.secret_key),
        three_d_secure_result="attempted" if is_attempted else "authenticated",
        three_d_secure_at=state.clock.unix(),
        behaviour=behaviour,
    )


def _fingerprint(number: str, *, secret: str) -> str:
    """Return the same text for the same number, from which nobody gets the number back."""
    return hmac.new(secret.encode(), number.encode(), hashlib.sha256).hexdigest()[:24]
