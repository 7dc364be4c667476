"""A merchant, a browser and a tester for the gateway's tests: they speak HTTP and nothing else."""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

SECRET = "sk_test"
WEBHOOK_SECRET = "wh_test"
MERCHANT = "http://merchant.example"
BASE = "http://gateway.example"
NOON = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)

VISA = "4242424242424242"
CHALLENGED = "4000002500003155"


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **how: float) -> None:
        self.now += timedelta(**how)


@dataclass
class Receiver:
    """The merchant's webhook address: keeps what came and answers the statuses it is told."""

    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        async with self.arrived:
            self.bodies.append(await request.read())
            self.signatures.append(request.headers["Gateway-Signature"])
            self.arrived.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(60), self.arrived:
            await self.arrived.wait_for(lambda: len(self.bodies) >= count)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    def is_signed(self, index: int) -> bool:
        at, value = self.signatures[index].removeprefix("t=").split(",v1=")
        signed = at.encode() + b"." + self.bodies[index]
        return hmac.new(WEBHOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest() == value


@dataclass
class Rig:
    """One running gateway, its clock, and the merchant who calls it."""

    client: TestClient[web.Request, web.Application]
    clock: MovableClock
    keys: Iterator[int] = field(default_factory=itertools.count)

    async def post(self, path: str, body: object, *, key: str | None = None) -> ClientResponse:
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "Idempotency-Key": key or f"k{next(self.keys)}",
        }
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str) -> ClientResponse:
        return await self.client.get(path, headers={"Authorization": f"Bearer {SECRET}"})

    async def control(self, path: str, body: object = None) -> dict[str, Any]:
        answer = await self.client.post(f"/_control/{path}", json=body or {})
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def truth(self) -> dict[str, Any]:
        return await (await self.client.get("/_control/truth")).json()

    async def customer(self) -> str:
        answer = await self.post("/v1/customers", {"reference": "C-1"})
        return (await answer.json())["id"]

    async def registration(self, customer: str, **changes: object) -> dict[str, Any]:
        body = {
            "customer": customer,
            "reference": "O-1",
            "return_url": f"{MERCHANT}/p/return?nonce=a%2Fb",
            "origin": MERCHANT,
            "expires_at": int((self.clock.now + timedelta(hours=1)).timestamp()),
            "metadata": {},
        }
        answer = await self.post("/v1/card_registrations", body | changes)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def registration_now(self, registration: dict[str, Any]) -> dict[str, Any]:
        return await (await self.get(f"/v1/card_registrations/{registration['id']}")).json()

    async def enter_hosted(self, registration: dict[str, Any], number: str, **changes: str) -> ClientResponse:
        form = {"number": number, "expiry": "12/30", "cvc": "123", "name": "TARO YAMADA"}
        path = registration["hosted_url"].removeprefix(BASE)
        return await self.client.post(path, data=form | changes, allow_redirects=False)

    async def enter_frame(self, registration: dict[str, Any], number: str, **changes: str) -> dict[str, Any]:
        typed = {"number": number, "expiry": "12/30", "cvc": "123", "name": "TARO YAMADA"}
        path = registration["fields_url"].removeprefix(BASE)
        return await (await self.client.post(path, json=typed | changes)).json()

    async def answer_challenge(self, path: str, answer: str) -> ClientResponse:
        return await self.client.post(path, data={"answer": answer}, allow_redirects=False)

    async def card(self, number: str = VISA) -> dict[str, Any]:
        registration = await self.registration(await self.customer())
        await self.enter_hosted(registration, number)
        return (await self.registration_now(registration))["card"]

    async def charge(self, on: dict[str, Any], *, key: str | None = None, **changes: object) -> ClientResponse:
        return await self.post("/v1/charges", order(on) | changes, key=key)

    async def fetch_charge(self, charge_id: str) -> dict[str, Any]:
        return await (await self.get(f"/v1/charges/{charge_id}")).json()

    async def listed(self, query: str = "") -> list[str]:
        answer = await (await self.get(f"/v1/charges?{query}")).json()
        return [charge["id"] for charge in answer["data"]]


def order(card: dict[str, Any]) -> dict[str, object]:
    return {
        "customer": card["customer"],
        "card": card["id"],
        "amount": 8420,
        "currency": "jpy",
        "reference": "O-1",
        "transaction_id": "T-1",
        "present": True,
        "metadata": {"attempt_id": "A-1"},
    }


async def receiving_server(receiver: Receiver) -> TestServer:
    app = web.Application()
    app.router.add_post("/hook", receiver.receive)
    server = TestServer(app)
    await server.start_server()
    return server
