"""What the phone page is told when it is built; it reads no environment and knows nothing of the product."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCustomer:
    """Someone whose telephone the page can hold.

    `phone` is in E.164 (+8190...), as carriers write it. `line_user_id` is None for a person who has not
    made friends on LINE; the page offers to do so. `is_linked`: LINE and customer number are tied together.
    """

    name: str
    customer_number: str
    phone: str
    line_user_id: str | None
    is_linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneConfig:
    """Whom the page shows, where the outside world is, and how to move the product's time.

    The bases are origins without a slash at the end. `travel(to)` sets the product's clock to an aware
    instant and runs what is due then; the emulators' clocks are moved by the page itself, before it, so they
    must run on real time underneath (`clock=None` for the gateway).
    `now()` tells the product's time (aware). `run_due()` does what is due without moving time.
    """

    customers: tuple[DemoCustomer, ...]
    line_base: str
    twilio_base: str
    gateway_base: str
    web_base: str
    sms_sender: str
    travel: Callable[[datetime], Awaitable[None]]
    now: Callable[[], Awaitable[datetime]]
    run_due: Callable[[], Awaitable[None]] | None = None
