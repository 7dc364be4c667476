"""The hosted page: card entry as a whole page, with forms and redirects, without any script."""

from collections.abc import Mapping

from aiohttp import web

from emulators.gateway import visits
from emulators.gateway.keys import STATE
from emulators.gateway.records import Registration, RegistrationStatus
from emulators.gateway.registrations import origin_of
from emulators.gateway.rendering import page
from emulators.gateway.wording import EXPIRED

UNPROCESSABLE = 422


async def show(request: web.Request) -> web.Response:
    """`GET /hosted/{token}`: the form; a finished registration leads back to the merchant."""
    registration = visits.registration_of(request)
    status = visits.status_now(request, registration)
    if ended := _ended(registration, status=status):
        return ended
    return _form(request, registration, errors={}, kept={}, message=visits.decline_text(registration))


async def submit(request: web.Request) -> web.Response:
    """`POST /hosted/{token}`: on to the challenge or back to the merchant, or the form again."""
    registration = visits.registration_of(request)
    status = visits.status_now(request, registration)
    if ended := _ended(registration, status=status):
        return ended
    posted = await request.post()
    typed = {name: text for name, text in posted.items() if isinstance(text, str)}
    submission = visits.submit_card(request, registration, typed, is_framed=False)
    entered = submission.registration
    if submission.errors or submission.message:
        return _form(
            request,
            entered,
            errors=submission.errors,
            kept=submission.kept,
            message=None if submission.errors else submission.message,
            status=UNPROCESSABLE,
        )
    if entered.status is RegistrationStatus.CHALLENGE:
        return see(f"/3ds/{entered.challenge_token}")
    return see(visits.back_to_merchant(entered))


def see(url: str) -> web.Response:
    """Send the browser to `url` by GET, letter for letter."""
    return web.Response(status=303, headers={"Location": url})


def _ended(registration: Registration, *, status: RegistrationStatus) -> web.Response | None:
    match status:
        case RegistrationStatus.SUCCEEDED:
            return see(visits.back_to_merchant(registration))
        case RegistrationStatus.EXPIRED:
            back_url = visits.back_to_merchant(registration)
            return page("hosted_expired.html", text=EXPIRED, back_url=back_url)
        case RegistrationStatus.OPEN | RegistrationStatus.CHALLENGE | RegistrationStatus.DECLINED:
            return None


def _form(
    request: web.Request,
    registration: Registration,
    *,
    errors: Mapping[str, str],
    kept: Mapping[str, str],
    message: str | None,
    status: int = 200,
) -> web.Response:
    return page(
        "hosted.html",
        status=status,
        leads_to=origin_of(registration.return_url),
        back_url=visits.back_to_merchant(registration),
        merchant=request.config_dict[STATE].config.merchant_name,
        reference=registration.reference,
        errors=errors,
        kept=kept,
        message=message,
    )
