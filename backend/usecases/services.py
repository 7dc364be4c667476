"""What every use case may need, built once by app/compose.py and passed on; holds no state of its own."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.domain.batch_brake import BrakeLimits
from backend.domain.billing_calendar import BillingCalendar
from backend.ports import Clock, PaymentGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The database, the clock, the gateway and the month's calendar."""

    engine: AsyncEngine
    clock: Clock
    gateway: PaymentGateway
    calendar: BillingCalendar
    link_secret: bytes = field(repr=False)  # tokens and codes are derived from it
    public_base_url: str = ""
    brake: BrakeLimits = field(default_factory=BrakeLimits)
