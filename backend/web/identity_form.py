"""Asks for customer number and phone, then for the code by SMS. Behaves the same whether or not they exist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from aiohttp import web

from backend.usecases import verify_identity
from backend.usecases.verify_identity import Purpose
from backend.web import forms
from backend.web.keys import CODE_STARTS, SERVICES, visitor

_CODE_LENGTH = 6
FIELDS = ("customer_number", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A code was sent, or looks as if it were."""

    verification_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """Fields that cannot be what they are asked for, and what was typed, to be shown again."""

    errors: Mapping[str, str]
    typed: Mapping[str, str] = field(repr=False)


async def ask(request: web.Request, *, form: Mapping[str, str], purpose: Purpose, now: datetime) -> Asked | Misread:
    """Start a verification from a posted form.

    Raises:
        HTTPTooManyRequests: this visitor asked for very many codes within a minute.
    """
    typed = {name: form.get(name, "") for name in FIELDS}
    number = forms.customer_number(typed["customer_number"])
    phone = forms.mobile_phone(typed["phone"])
    if number is None or phone is None:
        wrong = {"customer_number": number, "phone": phone}
        return Misread(errors={name: name for name, value in wrong.items() if value is None}, typed=typed)
    if not request.app[CODE_STARTS].admits(visitor(request)):
        raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
    verification_id = await verify_identity.start(
        request.app[SERVICES], purpose=purpose, customer_number=number, phone=phone, now=now
    )
    return Asked(verification_id=verification_id)


async def answer(
    request: web.Request, *, form: Mapping[str, str], verification_id: UUID, purpose: Purpose, now: datetime
) -> int | str:
    """The account of who typed the right code, or the name of what is wrong."""
    code = forms.digits(form.get("code", ""), length=_CODE_LENGTH)
    if code is None:
        return "not_six_digits"
    account_id = await verify_identity.check(
        request.app[SERVICES], verification_id=verification_id, purpose=purpose, code=code, now=now
    )
    return "wrong_code" if account_id is None else account_id


def verification_of(request: web.Request) -> UUID:
    """The verification that the path names. Raises HTTPNotFound for what cannot be one."""
    try:
        return UUID(hex=request.match_info["verification_id"])
    except ValueError:
        raise web.HTTPNotFound from None


def empty() -> Mapping[str, object]:
    """The form's values before anything was typed."""
    return {"errors": {}, "typed": dict.fromkeys(FIELDS, "")}
