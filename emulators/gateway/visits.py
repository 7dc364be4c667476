"""What the card pages share: which registration a token opens, and what a form led to."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from aiohttp import web

from emulators.gateway import registrations
from emulators.gateway.card_form import read_card_form
from emulators.gateway.keys import STATE
from emulators.gateway.records import Registration, RegistrationStatus
from emulators.gateway.rendering import page
from emulators.gateway.wording import DECLINE_TEXTS, FIELD_OF_DECLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What came of a submitted form; `errors` are texts by field, `kept` may be shown again."""

    registration: Registration
    errors: Mapping[str, str]
    kept: Mapping[str, str]
    message: str | None = None


def registration_of(request: web.Request) -> Registration:
    """Return the registration that the path's token opens, or answer 404 with a page."""
    state = request.config_dict[STATE]
    found = state.registration_of_token.get(request.match_info["token"])
    if found is None:
        raise NoSuchPage
    return state.registrations[found]


class NoSuchPage(web.HTTPNotFound):
    """The token opens nothing: the address is wrong, or the emulator was reset."""

    def __init__(self) -> None:
        lost = page("lost.html")
        super().__init__(text=lost.text, content_type="text/html")
        self.headers.update(lost.headers)


def status_now(request: web.Request, registration: Registration) -> RegistrationStatus:
    """Return the registration's status at this moment."""
    return registration.status_at(now=request.config_dict[STATE].clock.unix())


def submit_card(
    request: web.Request, registration: Registration, typed: Mapping[str, str], *, is_framed: bool
) -> Submission:
    """Read the typed card and, if it is well-formed, register it."""
    state = request.config_dict[STATE]
    form = read_card_form(typed, now=state.clock.now())
    if form.entry is None:
        errors = {name: error.value for name, error in form.errors.items()}
        return Submission(registration=registration, errors=errors, kept=form.kept)
    entered = registrations.enter_card(state, registration, entry=form.entry, is_framed=is_framed)
    if entered.decline_code is None:
        return Submission(registration=entered, errors={}, kept={})
    text = DECLINE_TEXTS[entered.decline_code]
    field = FIELD_OF_DECLINE.get(entered.decline_code)
    return Submission(
        registration=entered,
        errors={field: text} if field else {},
        kept=form.kept,
        message=text,
    )


def decline_text(registration: Registration) -> str | None:
    """Return why the last card was declined, for the person who entered it."""
    code = registration.decline_code
    return DECLINE_TEXTS[code] if code is not None else None


def back_to_merchant(registration: Registration) -> str:
    """Return the merchant's URL with the registration's id."""
    return with_parameter(registration.return_url, "registration", registration.id)


def with_parameter(url: str, name: str, value: str) -> str:
    """Return `url` with one more query parameter; the rest stays letter for letter."""
    parts = urlsplit(url)
    query = f"{parts.query}&{name}={value}" if parts.query else f"{name}={value}"
    return urlunsplit(parts._replace(query=query))
