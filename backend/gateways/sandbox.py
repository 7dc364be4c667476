"""The sandbox gateway's HTTP (docs/sandbox-gateway.md), mapped to the port; the only module that knows its words."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp

from backend.domain.states import DeclineClass
from backend.ports import (
    Absent,
    BadSignatureError,
    Busy,
    Capabilities,
    CardSnapshot,
    Challenged,
    ChargeOutcome,
    Declined,
    Evidence,
    GatewayEvent,
    GatewayUnavailableError,
    LookUpOutcome,
    Registration,
    RegistrationStatus,
    Succeeded,
    Unknown,
)

_TIMEOUT = aiohttp.ClientTimeout(total=25)  # money.md, charge protocol
_LOOK_BACK_PAGES = 5
_TOO_MANY, _SERVER_ERROR, _BAD_REQUEST, _CARD_ERROR, _CONFLICT = 429, 500, 400, 402, 409

_LOCKED_OUT, _KEY_PAUSE = {401, 403}, 300  # seconds

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
_BROKEN_NETWORK = (aiohttp.ClientError, asyncio.TimeoutError, json.JSONDecodeError, UnicodeDecodeError)


class SandboxGateway:
    """A card gateway for development and tests: it takes test cards and no money."""

    name = "sandbox"

    def __init__(self, *, session: aiohttp.ClientSession, base: str, key: str, webhook_secret: str) -> None:
        self._session = session
        self._base = base
        self._key = key
        self._webhook_secret = webhook_secret.encode()
        address = urlsplit(base)
        self.capabilities = Capabilities(
            idempotency_seconds=24 * 3600,
            min_yen=50,
            max_yen=9_999_999,
            csp_origins=(f"{address.scheme}://{address.netloc}",),
        )

    async def ensure_customer(self, *, customer_number: str, key: str) -> str:
        """See the port. The reference sent is a hash: the gateway need not know customer numbers."""
        reference = hashlib.sha256(customer_number.encode()).hexdigest()[:32]
        body = await self._demand("POST", "/v1/customers", {"reference": reference}, key=key)
        return str(body["id"])

    async def open_registration(
        self, *, key: UUID, customer: str, order_number: str, return_url: str, origin: str, expires_at: datetime
    ) -> Registration:
        """See the port."""
        body = {
            "customer": customer,
            "reference": order_number,
            "return_url": return_url,
            "origin": origin,
            "expires_at": int(expires_at.timestamp()),
            "metadata": {"registration_id": str(key)},
        }
        return _registration(await self._demand("POST", "/v1/card_registrations", body, key=str(key)))

    async def registration(self, reference: str) -> Registration:
        """See the port."""
        return _registration(await self._demand("GET", f"/v1/card_registrations/{reference}"))

    async def action_url(self, *, gateway_reference: str) -> str | None:
        """Where the payer authenticates a challenged charge; None when nothing is to be done."""
        charge = await self._demand("GET", f"/v1/charges/{gateway_reference}")
        return str(charge["action_url"]) if charge.get("action_url") else None

    async def charge(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> ChargeOutcome:
        """See the port."""
        try:
            status, headers, body = await self._call("POST", "/v1/charges", charge_request, key=str(attempt_id))
        except _BROKEN_NETWORK as problem:
            return Unknown(reason=type(problem).__name__)
        if status == _TOO_MANY:
            return Busy(retry_after=_seconds(headers.get("Retry-After")))
        if status in _LOCKED_OUT:
            return Busy(retry_after=_KEY_PAUSE, fault=f"status {status}")  # no card and no customer is to blame
        if status >= _SERVER_ERROR or status == _CONFLICT:
            return Unknown(reason=f"status {status}")
        evidence = Evidence(source="charge", body=body, request_id=headers.get("X-Request-Id"))
        if status >= _BAD_REQUEST:
            return _refusal(body.get("error", {}), evidence)
        return _charge_outcome(body, evidence)

    async def look_up(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> LookUpOutcome:
        """See the port. Matches the attempt's id in the metadata: an order may have several tries."""
        after = ""
        for _ in range(_LOOK_BACK_PAGES):
            path = f"/v1/charges?customer={charge_request['customer']}&limit=100{after}"
            try:
                status, headers, page = await self._call("GET", path)
            except _BROKEN_NETWORK as problem:
                return Unknown(reason=type(problem).__name__)
            if status >= _BAD_REQUEST:
                return Unknown(reason=f"status {status}")
            evidence = Evidence(source="look_up", body=page, request_id=headers.get("X-Request-Id"))
            for charge in page["data"]:
                if charge["metadata"].get("attempt_id") == str(attempt_id):
                    found = Evidence(source="look_up", body=charge, request_id=evidence.request_id)
                    return _charge_outcome(charge, found)
            if not page["has_more"]:
                return Absent(evidence=evidence)
            after = f"&starting_after={page['data'][-1]['id']}"
        return Unknown(reason="too many charges to look through")

    async def cancel(self, *, attempt_id: UUID, gateway_reference: str) -> LookUpOutcome:
        """See the port."""
        try:
            status, headers, body = await self._call(
                "POST", f"/v1/charges/{gateway_reference}/cancel", {}, key=f"cancel-{attempt_id}"
            )
        except _BROKEN_NETWORK as problem:
            return Unknown(reason=type(problem).__name__)
        if status >= _BAD_REQUEST:
            return Unknown(reason=f"status {status}")
        return _charge_outcome(body, Evidence(source="cancel", body=body, request_id=headers.get("X-Request-Id")))

    def parse_event(self, *, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        """See the port."""
        self._verify(headers.get("Gateway-Signature", ""), body)
        event = json.loads(body)
        thing = event["data"]["object"]
        attempt = _uuid(thing.get("metadata", {}).get("attempt_id"))
        return GatewayEvent(
            event_id=event["id"],
            kind=event["type"],
            attempt_id=attempt,
            occurred_at=datetime.fromtimestamp(event["created"], tz=UTC),
            body=event,
        )

    def _verify(self, signature: str, body: bytes) -> None:
        """A replay of a true message needs no time check here: the inbox applies an event id once (f96)."""
        parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
        stamp = parts.get("t", "")
        if not stamp.isascii() or not stamp.isdigit():
            raise BadSignatureError("no time in the signature")
        expected = hmac.new(self._webhook_secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), parts.get("v1", "").encode()):
            raise BadSignatureError("the signature does not fit the body")

    async def _demand(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """A call that moves no money: anything but a good answer is GatewayUnavailableError."""
        try:
            status, _, answer = await self._call(method, path, body, key=key)
        except _BROKEN_NETWORK as problem:
            raise GatewayUnavailableError(type(problem).__name__) from None
        if status >= _BAD_REQUEST:
            raise GatewayUnavailableError(f"status {status}")
        return answer

    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self._session.request(
            method, self._base + path, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
        ) as response:
            raw = await response.read()
            if response.status >= _SERVER_ERROR:
                return response.status, response.headers, {}
            answer = json.loads(raw)
            if not isinstance(answer, dict):
                raise json.JSONDecodeError("not an object", "", 0)
            return response.status, response.headers, answer


@asynccontextmanager
async def open_sandbox_gateway(*, base: str, key: str, webhook_secret: str) -> AsyncIterator[SandboxGateway]:
    """The gateway with a connection pool of its own, closed at the end."""
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        yield SandboxGateway(session=session, base=base, key=key, webhook_secret=webhook_secret)


def _charge_outcome(charge: Mapping[str, Any], evidence: Evidence) -> Succeeded | Declined | Challenged | Unknown:
    """An answer that cannot be read says nothing: unknown, never failed and never paid."""
    try:
        return _read_charge(charge, evidence)
    except (KeyError, TypeError, ValueError) as problem:
        return Unknown(reason=f"an answer that cannot be read: {type(problem).__name__}")


def _read_charge(charge: Mapping[str, Any], evidence: Evidence) -> Succeeded | Declined | Challenged | Unknown:
    match charge.get("status"):
        case "succeeded":
            return Succeeded(gateway_reference=charge["id"], amount=int(charge["amount"]), evidence=evidence)
        case "declined":
            return _declined(charge, charge["id"], evidence)
        case "canceled":
            return Declined(
                decline_class=DeclineClass.AUTHENTICATE,
                decline_code="canceled",
                gateway_reference=charge["id"],
                evidence=evidence,
            )
        case "requires_action":
            return Challenged(gateway_reference=charge["id"], action_url=str(charge["action_url"]), evidence=evidence)
        case status:
            return Unknown(reason=f"unknown charge status {status}")


def _refusal(error: Mapping[str, Any], evidence: Evidence) -> Declined:
    """A 4xx: certainly no money. A card error is the card's, anything else is ours: never blame the card."""
    if error.get("type") == "card_error":
        charge = error.get("charge")
        reference = charge.get("id") if isinstance(charge, dict) else charge
        return _declined(error, reference, evidence)
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


def _registration(body: Mapping[str, Any]) -> Registration:
    try:
        card = body["card"]
        return Registration(
            reference=body["id"],
            status=RegistrationStatus(body["status"]),
            fields_url=body["fields_url"],
            hosted_url=body["hosted_url"],
            card=_card(card) if card else None,
            decline_code=body.get("decline_code"),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise GatewayUnavailableError("an answer that cannot be read") from problem


def _card(card: Mapping[str, Any]) -> CardSnapshot:
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


def _uuid(named: object) -> UUID | None:
    """Our attempt's id; None for an object that was made at the gateway's own console."""
    try:
        return UUID(str(named))
    except ValueError:
        return None


def _seconds(retry_after: str | None) -> int:
    return min(int(retry_after), 3600) if retry_after and retry_after.isdigit() else 30
