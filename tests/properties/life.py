"""One retailer's life for one example: a database of its own, the shared gateway, hands for everyone who acts."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
from sqlalchemy import text

from app.settings import SANDBOX_SECRET
from backend.domain.batch_brake import BrakeLimits
from backend.domain.billing_calendar import BillingCalendar, jst_date
from backend.domain.identifiers import derive_token
from backend.domain.states import ReceiptKind
from backend.gateways.sandbox import open_sandbox_gateway
from backend.ports import GatewayUnavailableError
from backend.store.engine import make_engine
from backend.usecases import take_first_payment
from backend.usecases.charge_prepared import charge_due
from backend.usecases.decide_receipt import approve_receipt, reject_receipt
from backend.usecases.expire_payment_requests import close_settled_late
from backend.usecases.receive_gateway_event import NothingLearntError, receive_gateway_event
from backend.usecases.record_receipt import NewReceipt, record_receipt
from backend.usecases.request_card_change import request_card_change, withdraw_card_change
from backend.usecases.resolve_unknown_payments import resolve_due
from backend.usecases.run_month_batches import watch_batches
from backend.usecases.send_refunds import resolve_due_refunds, send_due_refunds
from backend.usecases.services import Services
from scheduler.catch_up import run_due
from tests.kit.clock import FakeClock
from tests.kit.databases import cloned_database
from tests.kit.ledger import Ledger
from tests.usecases.payers import charge_event

MOST_ROUNDS = 40  # a worker that finds work for longer than this will never come to rest

# The clock of leases is the database's, and it does not jump with ours: what is leased was leased long ago.
_LEASES_END = text("""
WITH refunds AS (
  UPDATE refund SET lease_until = clock_timestamp() - interval '1 second' WHERE lease_until IS NOT NULL
)
UPDATE payment_attempt SET lease_until = clock_timestamp() - interval '1 second' WHERE lease_until IS NOT NULL
""")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the examples happen: the server and its template, the gateway's address, the one clock."""

    postgres: tuple[str, str]
    gateway: str
    clock: FakeClock
    brake: BrakeLimits = field(default_factory=BrakeLimits)


@dataclass(kw_only=True)
class Device:
    """A browser with a payer's cookie, and every transaction ID that its pages have shown."""

    cookie: str
    order_number: str
    account_id: int
    shown: list[str] = field(default_factory=list)


class Life:
    """Everything that may happen, as plain calls: each runs to its end on this life's own loop."""

    def __init__(self, place: Place) -> None:
        self.place, self.clock = place, place.clock
        self.devices: list[Device] = []
        self.receipts = 0
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self.clock.go_to("2026-11-01T12:00")
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._open.aclose())
        self._runner.close()

    async def _begin(self) -> None:
        url = await self._open.enter_async_context(cloned_database(*self.place.postgres))
        engine = make_engine(url)
        self._open.push_async_callback(engine.dispose)
        gateway = open_sandbox_gateway(base=self.place.gateway, key=SANDBOX_SECRET, webhook_secret=SANDBOX_SECRET)
        self.services = Services(
            engine=engine,
            clock=self.clock,
            gateway=await self._open.enter_async_context(gateway),
            calendar=BillingCalendar(),
            link_secret=SANDBOX_SECRET.encode(),
            public_base_url="http://127.0.0.1:8080",
            brake=self.place.brake,
        )
        self.ledger = Ledger(services=self.services)
        self.http = await self._open.enter_async_context(aiohttp.ClientSession())
        await self._control("reset", {})

    # --- the gateway's own doors ------------------------------------------------------------------

    async def _control(self, what: str, body: dict[str, object]) -> Any:
        async with self.http.post(f"{self.place.gateway}/_control/{what}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None

    def control(self, what: str, body: dict[str, object]) -> None:
        self.run(self._control(what, body))

    def tell(self, what: str, body: dict[str, object]) -> Any:
        """The same for somebody at the gateway's console: returns what was made."""
        return self.run(self._control(what, body))

    async def charges(self) -> list[dict[str, Any]]:
        """The truth: every charge that the gateway has, oldest first."""
        return await self.truth("charges")

    async def truth(self, part: str) -> list[dict[str, Any]]:
        """The charges, refunds or disputes that the gateway really has, oldest first."""
        async with self.http.get(f"{self.place.gateway}/_control/truth?parts={part}") as answer:
            return list((await answer.json())[part])

    async def authenticate(self, action_url: str, *, answer: str) -> None:
        async with self.http.post(action_url, data={"answer": answer}, allow_redirects=False):
            pass

    # --- time and the processes -------------------------------------------------------------------

    def go_to(self, at: datetime) -> None:
        """Time passes, and with it every lease of a process that died."""
        self.clock.forward(seconds=(at - self.clock.now()).total_seconds())
        self.run(self._end_leases())

    async def _end_leases(self) -> None:
        async with self.services.engine.begin() as connection:
            await connection.execute(_LEASES_END)

    def timetable(self) -> None:
        self.run(run_due(self.services, now=self.clock.now()))

    def charge(self) -> None:
        self._drain(charge_due)
        while self.run(watch_batches(self.services, now=self.clock.now())):
            self._drain(charge_due)

    def ask(self) -> None:
        self._drain(resolve_due)
        self._drain(send_due_refunds)
        self._drain(resolve_due_refunds)
        self.run(close_settled_late(self.services, now=self.clock.now()))

    def _drain(self, step: Callable[..., Coroutine[Any, Any, int]]) -> None:
        for _ in range(MOST_ROUNDS):
            if not self.run(step(self.services, now=self.clock.now())):
                return
        raise AssertionError(f"{step.__name__} always finds more to do at {self.clock.now()}")

    def crash(self, step: Callable[..., Coroutine[Any, Any, int]], *, after: float) -> None:
        """Kill a worker in the middle of a step."""
        self.run(_cut_short(step(self.services, now=self.clock.now()), after=after))

    def hear(self, charge: dict[str, Any]) -> None:
        """A notification about a charge arrives, whatever has happened since."""
        event = charge_event(charge["metadata"]["attempt_id"], now=self.clock.now())
        with suppress(NothingLearntError):  # the inbox would bring it again
            self.run(receive_gateway_event(self.services, event, now=self.clock.now()))

    def late_money(self, attempt_id: str, reference: str) -> None:
        """The issuer takes back its decline: the money was taken. The inbox brings the news until it is understood."""
        self.control(f"charges/{reference}/late_success", {})
        event = charge_event(attempt_id, now=self.clock.now())
        for _ in range(MOST_ROUNDS):
            with suppress(NothingLearntError):
                self.run(receive_gateway_event(self.services, event, now=self.clock.now()))
                return
            self.go_to(self.clock.now() + timedelta(minutes=30))
        raise AssertionError("nobody wants to know of the money")

    # --- the desk where money comes by bank, shop or cash ------------------------------------------

    def record_receipt(self, bill_number: str, amount: int) -> bool:
        """Whether it was taken; a bill that is paid or being charged refuses it."""
        self.receipts += 1
        now = self.clock.now()
        receipt = NewReceipt(
            bill_number=bill_number,
            kind=ReceiptKind.BANK,
            reference=f"F-{self.receipts}",
            amount=amount,
            received_on=jst_date(now),
            recorded_by="A",
        )
        return isinstance(self.run(record_receipt(self.services, receipt, now=now)), int)

    def decide_receipt(self, receipt_id: int, *, is_approved: bool) -> None:
        decide = approve_receipt if is_approved else reject_receipt
        self.run(decide(self.services, receipt_id=receipt_id, person="B", now=self.clock.now()))

    # --- payers -----------------------------------------------------------------------------------

    def apply_for_card_change(self, account_id: int) -> None:
        self.run(request_card_change(self.services, account_id=account_id, now=self.clock.now()))

    def withdraw_card_change(self, account_id: int) -> None:
        self.run(withdraw_card_change(self.services, account_id=account_id, now=self.clock.now()))

    def newest_link(self, account_id: int) -> UUID | None:
        query = """SELECT l.id FROM payment_link l JOIN payment_request r ON r.id = l.request_id
            WHERE r.account_id = :account ORDER BY l.created_at DESC, r.id DESC LIMIT 1"""
        rows = self.run(self.ledger.rows(query, account=account_id))
        return rows[0][0] if rows else None

    def open_link(self, link_id: UUID, account_id: int) -> Device | None:
        """Prove to be the customer; None when the link is not payable."""
        proven = self.run(
            take_first_payment.prove_payer(
                self.services,
                token=derive_token(secret=self.services.link_secret, link_id=link_id),
                phone_tail=f"{account_id:04d}",
                now=self.clock.now(),
            )
        )
        if not isinstance(proven, take_first_payment.ProvenPayer):
            return None
        device = Device(
            cookie=proven.cookie,
            order_number=proven.page.order_number,
            account_id=account_id,
            shown=[proven.page.transaction_id],
        )
        self.devices.append(device)
        return device

    def enter_card(self, device: Device, number: str) -> None:
        self.run(_if_the_gateway_answers(self._enter_card(device, number)))

    async def _enter_card(self, device: Device, number: str) -> None:
        payer = await self._payer(device)
        if payer is None:
            return
        registration = await take_first_payment.begin_card_entry(
            self.services,
            payer=payer,
            return_url="http://127.0.0.1:9/back",
            consent_version="1",
            now=self.clock.now(),
        )
        form = {"number": number, "expiry": "12/30", "cvc": "123", "name": "H YAMADA"}
        async with self.http.post(registration.hosted_url, data=form, allow_redirects=False) as answer:
            assert answer.status < 500

    async def _payer(self, device: Device) -> take_first_payment.PayerSession | None:
        payer = await take_first_payment.find_payer(
            self.services, cookie=device.cookie, order_number=device.order_number, now=self.clock.now()
        )
        if payer and payer.page.transaction_id not in device.shown:
            device.shown.append(payer.page.transaction_id)
        return payer

    def press(self, *devices: Device, back: int = 0, after: float | None = None) -> None:
        """All of them press at the same moment, on the page that each saw `back` pages ago."""
        presses = [self._press(device, back=back) for device in devices]
        self.run(_cut_short(_together(presses), after=after))

    async def _press(self, device: Device, *, back: int) -> None:
        payer = await self._payer(device)
        if payer is None:
            return
        shown = device.shown[max(0, len(device.shown) - 1 - back)]
        paying = take_first_payment.pay(self.services, payer=payer, transaction_id=shown, now=self.clock.now())
        await _if_the_gateway_answers(paying)


async def _together(works: list[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*works)


async def _cut_short(work: Coroutine[Any, Any, Any], *, after: float | None) -> None:
    try:
        await asyncio.wait_for(work, timeout=after)
    except TimeoutError:
        # What the gateway was doing for the dead process comes to its end, so that a failing example fails again.
        await asyncio.sleep(0.15)


async def _if_the_gateway_answers(work: Awaitable[Any]) -> None:
    try:
        await work
    except GatewayUnavailableError:
        return  # the page says: nothing was charged, press again
