"""The fields frame: card fields inside the merchant's page, on the gateway's own origin."""

import json

from aiohttp import web

from emulators.gateway import visits
from emulators.gateway.errors import json_answer
from emulators.gateway.records import Json, Registration, RegistrationStatus
from emulators.gateway.rendering import page
from emulators.gateway.wording import BRAND_NAMES, EXPIRED, SUCCEEDED, FieldError


async def show(request: web.Request) -> web.Response:
    """`GET /fields/{token}`: the fields, or how the registration ended."""
    registration = visits.registration_of(request)
    status = visits.status_now(request, registration)
    if status is RegistrationStatus.SUCCEEDED:
        return _notice(registration, state="succeeded", text=SUCCEEDED)
    if status is RegistrationStatus.EXPIRED:
        return _notice(registration, state="expired", text=EXPIRED)
    message = visits.decline_text(registration)
    comes_from_challenge = request.query.get("after") == "challenge"
    return page(
        "fields.html",
        framed_by=registration.origin,
        origin=registration.origin,
        state="declined" if comes_from_challenge and message else "form",
        message=message,
        errors={},
        kept={},
        texts={error.name: error.value for error in FieldError},
        brands=BRAND_NAMES,
    )


async def submit(request: web.Request) -> web.Response:
    """`POST /fields/{token}`: the frame's script hands over what was typed, as JSON."""
    registration = visits.registration_of(request)
    match visits.status_now(request, registration):
        case RegistrationStatus.EXPIRED:
            return json_answer({"result": "expired", "message": EXPIRED, "errors": {}})
        case RegistrationStatus.SUCCEEDED:
            return json_answer({"result": "succeeded", "message": SUCCEEDED, "errors": {}})
        case RegistrationStatus.OPEN | RegistrationStatus.CHALLENGE | RegistrationStatus.DECLINED:
            typed = _typed(await request.read())
            return json_answer(_answer(visits.submit_card(request, registration, typed, is_framed=True)))


def _answer(submission: visits.Submission) -> Json:
    registration = submission.registration
    if submission.errors and submission.message is None:
        message = next(iter(submission.errors.values()))
        return {"result": "invalid", "message": message, "errors": dict(submission.errors)}
    if registration.status is RegistrationStatus.CHALLENGE:
        return {"result": "challenge", "url": f"/3ds/{registration.challenge_token}", "errors": {}}
    return {
        "result": registration.status,
        "message": submission.message or SUCCEEDED,
        "errors": dict(submission.errors),
    }


def _typed(body: bytes) -> dict[str, str]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(parsed, dict):
        return {}
    return {name: text for name, text in parsed.items() if isinstance(text, str)}


def _notice(registration: Registration, *, state: str, text: str) -> web.Response:
    return page(
        "frame_notice.html",
        framed_by=registration.origin,
        origin=registration.origin,
        state=state,
        text=text,
    )
