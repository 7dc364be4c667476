"""`/apply`: the application to pay with another card (R09-R11)."""

from aiohttp import web

from backend.usecases.request_card_change import request_card_change
from backend.usecases.verify_identity import Purpose
from backend.web import answers, forms, identity_form
from backend.web.identity_form import Asked, Misread
from backend.web.keys import SERVICES, now_of

_REFUSED = 422


async def show(request: web.Request) -> web.Response:
    """`GET /apply`: what the application does, and who applies."""
    return answers.page(request, "apply", identity_form.empty())


async def ask(request: web.Request) -> web.Response:
    """`POST /apply`: send the code."""
    form = await forms.read_form(request)
    now = await now_of(request)
    match await identity_form.ask(request, form=form, purpose=Purpose.CARD_CHANGE, now=now):
        case Asked(verification_id=verification_id):
            return answers.see(f"/apply/{verification_id.hex}")
        case Misread(errors=errors, typed=typed):
            return answers.page(request, "apply", {"errors": errors, "typed": typed}, status=_REFUSED)


async def show_code(request: web.Request) -> web.Response:
    """`GET /apply/{verification_id}`: where the code is typed."""
    identity_form.verification_of(request)
    return answers.page(request, "apply_code", {"error": None})


async def apply(request: web.Request) -> web.Response:
    """`POST /apply/{verification_id}`: the right code is the application."""
    verification_id = identity_form.verification_of(request)
    form = await forms.read_form(request)
    now = await now_of(request)
    answered = await identity_form.answer(
        request, form=form, verification_id=verification_id, purpose=Purpose.CARD_CHANGE, now=now
    )
    if isinstance(answered, str):
        return answers.page(request, "apply_code", {"error": answered}, status=_REFUSED)
    await request_card_change(request.app[SERVICES], account_id=answered, now=now)
    return answers.see("/apply/received")


async def received(request: web.Request) -> web.Response:
    """`GET /apply/received`: what happens next; the same for everybody."""
    return answers.page(request, "apply_received")
