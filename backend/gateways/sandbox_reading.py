"""Reads what the sandbox gateway says of charges and registrations into the port's words; never asks it anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backend.domain.states import DeclineClass
from backend.domain.untrusted_json import identifier
from backend.gateways.browser_address import browser_address, origin_of
from backend.ports import (
    CardSnapshot,
    Challenged,
    Declined,
    Evidence,
    GatewayUnavailableError,
    Registration,
    RegistrationStatus,
    Succeeded,
    Unknown,
)

_MOST_YEN = 2**31 - 1

_DECLINE_CLASSES = {
    "insufficient_funds": DeclineClass.SOFT,
    "processing_error": DeclineClass.SOFT,
    "do_not_honor": DeclineClass.SOFT,
    "expired_card": DeclineClass.NEW_CARD,
    "incorrect_cvc": DeclineClass.NEW_CARD,
    "invalid_number": DeclineClass.NEW_CARD,
    "unacceptable_brand": DeclineClass.NEW_CARD,
    "lost_card": DeclineClass.NEVER,
    "stolen_card": DeclineClass.NEVER,
    "restricted_card": DeclineClass.NEVER,
    "authentication_required": DeclineClass.AUTHENTICATE,
    "authentication_failed": DeclineClass.AUTHENTICATE,
}


def charge_outcome(charge: Mapping[str, Any], evidence: Evidence) -> Succeeded | Declined | Challenged | Unknown:
    """An answer that cannot be read says nothing: unknown, never failed and never paid."""
    try:
        return _read_charge(charge, evidence)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        return Unknown(reason=f"an answer that cannot be read: {type(problem).__name__}")


def _read_charge(charge: Mapping[str, Any], evidence: Evidence) -> Succeeded | Declined | Challenged | Unknown:
    match charge.get("status"):
        case "succeeded":
            return Succeeded(
                gateway_reference=identifier(charge["id"]), amount=yen(charge["amount"]), evidence=evidence
            )
        case "declined":
            return _declined(charge, identifier(charge["id"]), evidence)
        case "canceled":
            return Declined(
                decline_class=DeclineClass.AUTHENTICATE,
                decline_code="canceled",
                gateway_reference=identifier(charge["id"]),
                evidence=evidence,
            )
        case "requires_action":
            reference, action_url = identifier(charge["id"]), str(charge["action_url"])
            return Challenged(gateway_reference=reference, action_url=action_url, evidence=evidence)
        case status:
            return Unknown(reason=f"unknown charge status {status}")


def refusal(evidence: Evidence) -> Declined:
    """A 4xx: certainly no money. A card error is the card's, anything else is ours: never blame the card."""
    said = evidence.body.get("error")
    error: Mapping[str, Any] = said if isinstance(said, dict) else {}
    if error.get("type") == "card_error":
        charge = error.get("charge")
        reference = charge.get("id") if isinstance(charge, dict) else charge
        return _declined(error, str(reference) if reference else None, evidence)
    return Declined(
        decline_class=DeclineClass.OURS,
        decline_code=str(error.get("code") or error.get("type") or "refused"),
        gateway_reference=None,
        evidence=evidence,
    )


def _declined(said: Mapping[str, Any], reference: str | None, evidence: Evidence) -> Declined:
    code = str(said.get("decline_code") or said.get("code"))
    decline_class = _DECLINE_CLASSES.get(code, DeclineClass.SOFT)
    if said.get("advice") == "do_not_try_again":
        decline_class = DeclineClass.NEVER
    return Declined(decline_class=decline_class, decline_code=code, gateway_reference=reference, evidence=evidence)


def yen(said: object) -> int:
    """An amount that our columns can hold. Raises TypeError or ValueError for anything else: it is not guessed at."""
    amount = int(said) if isinstance(said, int | str) else None
    if amount is None or isinstance(said, bool) or not -_MOST_YEN <= amount <= _MOST_YEN:
        raise ValueError("no amount in yen")
    return amount


def challenge_url(charge: Mapping[str, Any], *, base: str) -> str | None:
    """Where the payer is asked. Raises GatewayUnavailableError for what no browser may be led to."""
    said = charge.get("action_url")
    try:
        return browser_address(said, base=base) if said else None
    except ValueError as problem:
        raise GatewayUnavailableError("an answer that cannot be read") from problem


def registration(body: Mapping[str, Any], *, base: str) -> Registration:
    """A card registration. Raises GatewayUnavailableError for an answer that cannot be read."""
    try:
        card = body["card"]
        fields_url = browser_address(body["fields_url"], base=base)
        return Registration(
            reference=body["id"],
            status=RegistrationStatus(body["status"]),
            fields_url=fields_url,
            fields_origin=origin_of(fields_url),
            hosted_url=browser_address(body["hosted_url"], base=base),
            card=card_snapshot(card) if card else None,
            decline_code=body.get("decline_code"),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise GatewayUnavailableError("an answer that cannot be read") from problem


def card_snapshot(card: Mapping[str, Any]) -> CardSnapshot:
    """A card as the gateway describes it. Raises KeyError, TypeError or ValueError for what cannot be read."""
    proof = card["three_d_secure"]
    return CardSnapshot(
        card_reference=card["id"],
        customer_reference=card["customer"],
        brand=card["brand"],
        last4=card["last4"],
        exp_year=int(card["exp_year"]),
        exp_month=int(card["exp_month"]),
        fingerprint=card["fingerprint"],
        three_ds_result=proof["result"],
        authenticated_at=datetime.fromtimestamp(proof["at"], tz=UTC),
    )
