"""The sandbox gateway for a product whose clock travels while the gateway's does not: instants are translated here.

Only for CLOCK=shiftable, which production refuses. In all other respects it is the sandbox gateway.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import aiohttp
from typing_extensions import override

from backend.domain.gateway_objects import GatewayDispute, GatewayRefund, GatewayTransaction, SettlementLine
from backend.gateways.sandbox import SandboxGateway
from backend.ports import Clock, GatewayCharge, Registration

LedgerAge = Callable[[], Awaitable[timedelta | None]]
_SAME_TIME = timedelta(minutes=5)  # clocks that agree so well are one


class ElsewhenGateway(SandboxGateway):
    """Asks in the gateway's time and answers in ours. The gateway's clock is learnt from its `Date` headers.

    `ledger_age` tells how long ago this ledger began, by a clock that never travels; None when nobody knows.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        base: str,
        key: str,
        webhook_secret: str,
        clock: Clock,
        ledger_age: LedgerAge,
    ) -> None:
        super().__init__(session=session, base=base, key=key, webhook_secret=webhook_secret)
        self._clock = clock
        self._ledger_age = ledger_age

    @override
    async def open_registration(
        self, *, key: UUID, customer: str, order_number: str, return_url: str, origin: str, expires_at: datetime
    ) -> Registration:
        await self._learn()
        return await super().open_registration(
            key=key,
            customer=customer,
            order_number=order_number,
            return_url=return_url,
            origin=origin,
            expires_at=expires_at - self.clock_lag,
        )

    @override
    async def look_up_charge(self, *, charge_reference: str) -> GatewayCharge | None:
        made = await super().look_up_charge(charge_reference=charge_reference)
        return made and replace(made, created_at=made.created_at + self.clock_lag)

    @override
    async def look_up_refund(self, *, refund_reference: str) -> GatewayRefund | None:
        made = await super().look_up_refund(refund_reference=refund_reference)
        return made and replace(made, refunded_at=made.refunded_at + self.clock_lag)

    @override
    async def look_up_dispute(self, *, dispute_reference: str) -> GatewayDispute | None:
        made = await super().look_up_dispute(dispute_reference=dispute_reference)
        if made is None:
            return None
        closed_at = made.closed_at and made.closed_at + self.clock_lag
        return replace(made, opened_at=made.opened_at + self.clock_lag, closed_at=closed_at)

    @override
    async def transactions(self, *, since: datetime, until: datetime) -> AsyncIterator[GatewayTransaction]:
        await self._learn()
        lag = self.clock_lag
        async for line in super().transactions(since=await self._from(since), until=until - lag):
            yield replace(line, occurred_at=line.occurred_at + lag)

    @override
    async def settlements(self, *, since: datetime, until: datetime) -> AsyncIterator[SettlementLine]:
        await self._learn()
        lag = self.clock_lag
        async for line in super().settlements(since=await self._from(since), until=until - lag):
            yield line

    async def _from(self, since: datetime) -> datetime:
        """That moment there; while the times differ, none before this ledger began: older money is another one's.

        We may have travelled since that moment, and today's lag then leads too far back.
        """
        age = await self._ledger_age() if self.clock_lag else None
        there = since - self.clock_lag
        return there if age is None else max(there, self._clock.now() - self.clock_lag - age)

    async def _learn(self) -> None:
        """Ask anything to hear the gateway's clock: we may have travelled since the last answer."""
        await self._demand("GET", "/v1/transactions?limit=1")

    @override
    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        status, headers, answer = await super()._call(method, path, body, key=key)
        if "Date" in headers:
            lag = self._clock.now() - parsedate_to_datetime(headers["Date"])
            self.clock_lag = lag if abs(lag) > _SAME_TIME else timedelta()
        return status, headers, answer


@asynccontextmanager
async def open_elsewhen_gateway(
    *, base: str, key: str, webhook_secret: str, clock: Clock, ledger_age: LedgerAge
) -> AsyncIterator[ElsewhenGateway]:
    """The gateway with a connection pool of its own, closed at the end."""
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        yield ElsewhenGateway(
            session=session, base=base, key=key, webhook_secret=webhook_secret, clock=clock, ledger_age=ledger_age
        )
