"""The sandbox gateway's HTTP (docs/sandbox-gateway.md), mapped to the port: the calls.

What it answers is read by `sandbox_reading` and `sandbox_books`; no other module knows its words.
"""

import asyncio
import hashlib
import hmac
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from backend.domain.gateway_objects import GatewayDispute, GatewayRefund, GatewayTransaction, SettlementLine
from backend.domain.untrusted_json import read_object, storable
from backend.gateways import sandbox_books
from backend.gateways.sandbox_reading import challenge_url, charge_outcome, refusal, registration
from backend.ports import (
    Absent,
    BadSignatureError,
    Busy,
    Capabilities,
    ChargeOutcome,
    Evidence,
    GatewayCharge,
    GatewayEvent,
    GatewayUnavailableError,
    LookUpOutcome,
    RefundLookUp,
    RefundOutcome,
    RefundRefused,
    Registration,
    Unknown,
)

_TIMEOUT = aiohttp.ClientTimeout(total=25)  # money.md, charge protocol
_LOOK_BACK_PAGES = 5
_PAGE = 100  # rows, the most that a list gives at once
_MOST_PAGES = 100_000  # ten million rows: a walk that goes on has lost its way
_TOO_MANY, _SERVER_ERROR, _BAD_REQUEST, _NOT_FOUND, _CONFLICT = 429, 500, 400, 404, 409

_LOCKED_OUT, _KEY_PAUSE = {401, 403}, 300  # seconds

_NOTHING_HEARD = (aiohttp.ClientError, asyncio.TimeoutError, ValueError)  # ValueError: an answer that is no JSON object


class SandboxGateway:
    """A card gateway for development and tests: it takes test cards and no money."""

    name = "sandbox"
    clock_lag = timedelta()

    def __init__(self, *, session: aiohttp.ClientSession, base: str, key: str, webhook_secret: str) -> None:
        self._session = session
        self._base = base
        self._key = key
        self._webhook_secret = webhook_secret.encode()
        self.capabilities = Capabilities(
            idempotency_seconds=24 * 3600,
            min_yen=50,
            max_yen=9_999_999,
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
        said = await self._demand("POST", "/v1/card_registrations", body, key=str(key))
        return registration(said, base=self._base)

    async def registration(self, reference: str) -> Registration:
        """See the port."""
        return registration(await self._demand("GET", f"/v1/card_registrations/{reference}"), base=self._base)

    async def action_url(self, *, gateway_reference: str) -> str | None:
        """Where the payer authenticates a challenged charge; None when nothing is to be done."""
        charge = await self._demand("GET", f"/v1/charges/{gateway_reference}")
        return challenge_url(charge, base=self._base)

    async def charge(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> ChargeOutcome:
        """See the port."""
        said = await self._order("/v1/charges", charge_request, key=str(attempt_id), source="charge")
        if isinstance(said, Unknown | Busy):
            return said
        status, evidence = said
        if status >= _BAD_REQUEST:
            return refusal(evidence)
        return charge_outcome(evidence.body, evidence)

    async def look_up(self, *, attempt_id: UUID, charge_request: Mapping[str, object]) -> LookUpOutcome:
        """See the port. Matches the attempt's id in the metadata: an order may have several tries."""
        after = ""
        for _ in range(_LOOK_BACK_PAGES):
            path = f"/v1/charges?customer={charge_request['customer']}&limit=100{after}"
            try:
                status, headers, page = await self._call("GET", path)
            except _NOTHING_HEARD as problem:
                return Unknown(reason=type(problem).__name__)
            if status >= _BAD_REQUEST:
                return Unknown(reason=f"status {status}")
            try:
                charge = sandbox_books.find_ours(page, name="attempt_id", wanted=attempt_id)
                if charge is not None:
                    return charge_outcome(charge, _heard("look_up", charge, headers))
                after = sandbox_books.next_page(page)
            except sandbox_books.UNREADABLE as problem:
                return Unknown(reason=f"a list that cannot be read: {type(problem).__name__}")
            if not after:
                return Absent(evidence=_heard("look_up", page, headers))
        return Unknown(reason="too many charges to look through")

    async def cancel(self, *, attempt_id: UUID, gateway_reference: str) -> LookUpOutcome:
        """See the port."""
        try:
            status, headers, body = await self._call(
                "POST", f"/v1/charges/{gateway_reference}/cancel", {}, key=f"cancel-{attempt_id}"
            )
        except _NOTHING_HEARD as problem:
            return Unknown(reason=type(problem).__name__)
        if status >= _BAD_REQUEST:
            return Unknown(reason=f"status {status}")
        return charge_outcome(body, _heard("cancel", body, headers))

    async def look_up_charge(self, *, charge_reference: str) -> GatewayCharge | None:
        """See the port."""
        made = await self._find(f"/v1/charges/{charge_reference}")
        if made is None:
            return None
        card = await self._find(f"/v1/cards/{made.get('card')}")
        return sandbox_books.charge(made, card=card)

    async def refund(self, *, refund_id: UUID, gateway_reference: str, amount: int) -> RefundOutcome:
        """See the port."""
        body = {"charge": gateway_reference, "amount": amount, "metadata": {"refund_id": str(refund_id)}}
        said = await self._order("/v1/refunds", body, key=str(refund_id), source="refund")
        if isinstance(said, Unknown | Busy):
            return said
        status, evidence = said
        if status >= _BAD_REQUEST:
            return RefundRefused(code=sandbox_books.refusal_code(evidence.body), evidence=evidence)
        return sandbox_books.refund_outcome(evidence.body, evidence)

    async def find_refund(self, *, refund_id: UUID, gateway_reference: str) -> RefundLookUp:
        """See the port. A charge has few refunds: the pages are walked to their end."""
        try:
            async for made in self._pages(f"/v1/refunds?charge={gateway_reference}"):
                if sandbox_books.our_id(made, "refund_id") == refund_id:
                    return sandbox_books.refund_outcome(made, Evidence(source="look_up", body=made))
        except (GatewayUnavailableError, *sandbox_books.UNREADABLE) as problem:
            return Unknown(reason=str(problem))
        return Absent(evidence=Evidence(source="look_up", body={"charge": gateway_reference}))

    async def look_up_refund(self, *, refund_reference: str) -> GatewayRefund | None:
        """See the port."""
        made = await self._find(f"/v1/refunds/{refund_reference}")
        return sandbox_books.refund(made) if made is not None else None

    async def look_up_dispute(self, *, dispute_reference: str) -> GatewayDispute | None:
        """See the port."""
        made = await self._find(f"/v1/disputes/{dispute_reference}")
        return sandbox_books.dispute(made) if made is not None else None

    async def transactions(self, *, since: datetime, until: datetime) -> AsyncIterator[GatewayTransaction]:
        """See the port."""
        async for line in self._pages(f"/v1/transactions?{_between(since, until)}"):
            yield sandbox_books.transaction(line)

    async def settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[SettlementLine]:
        """See the port."""
        async for line in self._pages(f"/v1/settlements?{_between(since, until)}"):
            yield sandbox_books.settlement_line(line)

    def parse_event(self, *, headers: Mapping[str, str], body: bytes) -> GatewayEvent:
        """See the port."""
        self._verify(headers.get("Gateway-Signature", ""), body)
        event = read_object(body)
        thing = event["data"]["object"]
        attempt = sandbox_books.uuid_or_none((thing.get("metadata") or {}).get("attempt_id"))
        return GatewayEvent(
            event_id=event["id"],
            kind=event["type"],
            attempt_id=attempt,
            occurred_at=datetime.fromtimestamp(event["created"], tz=UTC),
            body=event,
        )

    def _verify(self, signature: str, body: bytes) -> None:
        """A replay of a true message needs no time check here: the inbox applies an event id once (f96)."""
        parts = [part.strip().partition("=") for part in signature.split(",")]
        stamp = next((value for name, _, value in parts if name == "t"), "")
        if not stamp.isascii() or not stamp.isdigit():
            raise BadSignatureError("no time in the signature")
        expected = hmac.new(self._webhook_secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        signed = [value.encode() for name, _, value in parts if name == "v1"]  # several while a secret is replaced
        if not any(hmac.compare_digest(expected.encode(), each) for each in signed):
            raise BadSignatureError("the signature does not fit the body")

    async def _order(
        self, path: str, body: Mapping[str, object], *, key: str, source: str
    ) -> tuple[int, Evidence] | Unknown | Busy:
        """A call that moves money, under its key: what was answered, unless that leaves the outcome open."""
        try:
            status, headers, answer = await self._call("POST", path, body, key=key)
        except _NOTHING_HEARD as problem:
            return Unknown(reason=type(problem).__name__)
        if status == _TOO_MANY:
            return Busy(retry_after=_seconds(headers.get("Retry-After")))
        if status in _LOCKED_OUT:
            return Busy(retry_after=_KEY_PAUSE, fault=f"status {status}")  # no card and no customer is to blame
        if status >= _SERVER_ERROR or status == _CONFLICT:
            return Unknown(reason=f"status {status}")
        return status, _heard(source, answer, headers)

    async def _pages(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """Every row of a list, page by page; GatewayUnavailableError when a page cannot be had, or was had before."""
        after, seen = "", {""}
        while len(seen) <= _MOST_PAGES:
            page = await self._demand("GET", f"{path}&limit={_PAGE}{after}")
            try:
                rows, after = page["data"], sandbox_books.next_page(page)
            except sandbox_books.UNREADABLE as problem:
                raise GatewayUnavailableError("a page that cannot be read") from problem
            for row in rows:
                yield row
            if not after:
                return
            if after in seen:
                raise GatewayUnavailableError("the pages of a list go round")
            seen.add(after)
        raise GatewayUnavailableError(f"a list of more than {_MOST_PAGES} pages")

    async def _find(self, path: str) -> dict[str, Any] | None:
        """An object by its id; None when the gateway does not know it."""
        try:
            status, _, answer = await self._call("GET", path)
        except _NOTHING_HEARD as problem:
            raise GatewayUnavailableError(type(problem).__name__) from None
        if status == _NOT_FOUND:
            return None
        if status >= _BAD_REQUEST:
            raise GatewayUnavailableError(f"status {status}")
        return answer

    async def _demand(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """A call that moves no money: anything but a good answer is GatewayUnavailableError."""
        try:
            status, _, answer = await self._call(method, path, body, key=key)
        except _NOTHING_HEARD as problem:
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
            answer: dict[str, Any] = storable(read_object(raw))  # whatever it says, our database can hold it (f74)
            return response.status, response.headers, answer


@asynccontextmanager
async def open_sandbox_gateway(*, base: str, key: str, webhook_secret: str) -> AsyncIterator[SandboxGateway]:
    """The gateway with a connection pool of its own, closed at the end."""
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        yield SandboxGateway(session=session, base=base, key=key, webhook_secret=webhook_secret)


def _heard(source: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Evidence:
    """What was answered, as evidence that can be kept."""
    return Evidence(source=source, body=body, request_id=storable(headers.get("X-Request-Id")))


def _between(since: datetime, until: datetime) -> str:
    return f"since={math.floor(since.timestamp())}&until={math.ceil(until.timestamp())}"


def _seconds(retry_after: str | None) -> int:
    return min(int(retry_after), 3600) if retry_after and retry_after.isdigit() else 30
