"""What people at the retailer do meanwhile: give money back (one asks, another approves), let charging go on."""

from app.clock import ShiftableClock
from app.settings import SANDBOX_SECRET
from backend.domain.states import StopReason
from backend.gateways.sandbox import open_sandbox_gateway
from backend.usecases.brake import lift_brake, show_brake
from backend.usecases.refund_payment import RefundTaken, approve_refund, request_refund
from backend.usecases.services import Services
from tests.faults.town import Town

_WEATHER = {StopReason.PROVIDER_ERRORS, StopReason.DECLINE_RATIO, StopReason.AMOUNT_ANOMALY}
_PAID = """
SELECT p.transaction_id FROM payment_attempt p WHERE p.state = 'succeeded'
  AND NOT EXISTS (SELECT FROM refund r WHERE r.attempt_id = p.id)
ORDER BY p.created_at LIMIT :most
"""


async def let_charging_go_on(town: Town) -> None:
    """The weather was to blame for what stopped the month's batch; a broken invariant is never lifted here."""
    for stop in await show_brake(town.database.engine):
        if stop.reason in _WEATHER:
            await lift_brake(town.database.engine, reason=stop.reason, by="sato", note="the weather", now=town.now)
            town.lifted[stop.reason] += 1


async def give_back(town: Town, *, most: int) -> None:
    """All of the money of the oldest payments; pressed twice, and again when the database was away."""
    await town.database.patiently(lambda: _give_back(town, most=most))


async def _give_back(town: Town, *, most: int) -> None:
    async with open_sandbox_gateway(
        base=town.settings.sandbox_gateway_base, key=SANDBOX_SECRET, webhook_secret=SANDBOX_SECRET
    ) as gateway:
        services = Services(
            engine=town.database.engine,
            clock=ShiftableClock(town.database.engine),
            gateway=gateway,
            calendar=town.settings.calendar,
            link_secret=SANDBOX_SECRET.encode(),
            public_base_url=town.settings.public_base_url,
        )
        for (transaction_id,) in await town.database.rows(_PAID, most=most):
            for _ in range(2):
                taken = await request_refund(
                    services, transaction_id=str(transaction_id), amount=None, reason="誤請求", by="sato", now=town.now
                )
                if isinstance(taken, RefundTaken):
                    await approve_refund(services, refund_id=taken.refund_id, by="suzuki", now=town.now)
