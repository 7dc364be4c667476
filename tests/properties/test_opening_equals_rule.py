"""The set-based opening asks for exactly what the pure rule says, whatever state the accounts are in (house.md)."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import date, datetime, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.domain.billing_calendar import JST, BillingCalendar
from backend.domain.carry_over import Bundle, combine
from backend.domain.states import CarryOverReason, PaymentWay
from backend.gateways.sandbox import open_sandbox_gateway
from backend.store.engine import make_engine
from backend.usecases.open_payment_requests import open_payment_requests
from backend.usecases.services import Services
from tests.kit.clock import FakeClock
from tests.kit.databases import cloned_database
from tests.kit.ledger import Ledger
from tests.properties.random_accounts import TODAY, DrawnAccount, accounts, write

_OPENED = """
SELECT r.account_id, r.amount, r.way, r.carry_over_reason, array_agg(b.bill_number), sum(b.amount), r.bill_count
FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id JOIN bill b ON b.id = m.bill_id
WHERE r.state = 'open' AND r.order_number NOT LIKE 'old-%' GROUP BY r.id
"""


class Office:
    """A database that is emptied between the examples, on a loop of its own."""

    def __init__(self, postgres: tuple[str, str]) -> None:
        self.runner, self._open, self.clock = asyncio.Runner(), AsyncExitStack(), FakeClock()
        self.runner.run(self._begin(postgres))

    async def _begin(self, postgres: tuple[str, str]) -> None:
        engine = make_engine(await self._open.enter_async_context(cloned_database(*postgres)))
        self._open.push_async_callback(engine.dispose)
        gateway = open_sandbox_gateway(base="http://127.0.0.1:9", key="unused", webhook_secret="unused")
        services = Services(
            engine=engine,
            clock=self.clock,
            gateway=await self._open.enter_async_context(gateway),
            calendar=BillingCalendar(),
            link_secret=b"secret",
        )
        self.services, self.ledger = services, Ledger(services=services)

    def close(self) -> None:
        self.runner.run(self._open.aclose())
        self.runner.close()

    async def opened(self, drawn: list[DrawnAccount], *, today: date) -> list[Bundle | None]:
        """What the product asks each account for."""
        now = datetime.combine(today, time(10), JST)
        await self.ledger.forget_everybody()
        ids = [await write(self.ledger, each, serial=serial, today=today) for serial, each in enumerate(drawn)]
        await open_payment_requests(self.services, now=now)
        names = ("amount", "way", "reason", "numbers", "total", "bill_count")
        found = {
            account: _bundle(**dict(zip(names, row, strict=True))) for account, *row in await self.ledger.rows(_OPENED)
        }
        return [found.get(account) for account in ids]

    def expected(self, drawn: list[DrawnAccount], *, today: date) -> list[Bundle | None]:
        """What the rule says."""
        limits = self.services.gateway.capabilities
        return [
            combine(
                bills=each.bills_of(serial, today=today),
                open_request=each.open_request,
                is_charged_automatically=each.is_charged_automatically,
                today=today,
                calendar=self.services.calendar,
                yen_bounds=(limits.min_yen, limits.max_yen),
            )
            for serial, each in enumerate(drawn)
        ]


def _bundle(*, amount: int, way: str, reason: str | None, numbers: list[str], total: int, bill_count: int) -> Bundle:
    assert (amount, bill_count) == (total, len(numbers))
    return Bundle(
        bill_numbers=frozenset(numbers),
        amount=amount,
        way=PaymentWay(way),
        reason=CarryOverReason(reason) if reason else None,
    )


@pytest.fixture(scope="module")
def office(postgres: tuple[str, str]) -> Iterator[Office]:
    office = Office(postgres)
    yield office
    office.close()


@settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(accounts(), min_size=1, max_size=6), today=TODAY)
def test_the_opening_asks_for_what_the_rule_says(office: Office, drawn: list[DrawnAccount], today: date) -> None:
    opened = office.runner.run(office.opened(drawn, today=today))

    assert opened == office.expected(drawn, today=today)
