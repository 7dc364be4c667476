"""A message as a safe step (faults.md, rules 1-5): committed before the wire, looked for before it is sent again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backend.domain.states import ChannelName
from backend.ports import Accepted, Channel, Envelope, NotListed, Refused, SendOutcome
from backend.usecases.open_payment_requests import open_payment_requests
from bot.notice_doubts import settle_doubts
from bot.notifier import NEWS, Notifier, Stream
from tests.kit.clock import jst
from tests.kit.customer import Customer
from tests.kit.world import World

CHANNEL_SECONDS = 10  # channels.md: the time limit of a call to LINE or Twilio
INTENT = (
    "SELECT state, attempts, payload IS NOT NULL, lease_until > clock_timestamp() + make_interval(secs => :least)"
    " FROM notice"
)
KNOWN_SENT = "SELECT attempts, state IN ('sent', 'delivered') FROM notice"


class KilledError(BaseException):
    """Stands for the end of the process: no handler of errors stops it."""


class WatchedChannel:
    """The real channel; looks at the rows as others see them at the moment of each call, and may die afterwards."""

    def __init__(self, channel: Channel, world: World, *, dies: Callable[[], bool]) -> None:
        self.name, self.is_idempotent = channel.name, channel.is_idempotent
        self.seen: list[tuple[Any, ...]] = []
        self._channel, self._world, self._dies = channel, world, dies

    async def send(self, envelope: Envelope) -> SendOutcome:
        self.seen += [tuple(row) for row in await self._world.rows(INTENT, least=CHANNEL_SECONDS)]
        outcome = await self._channel.send(envelope)
        if self._dies():
            raise KilledError
        return outcome

    async def find(self, envelope: Envelope) -> Accepted | Refused | NotListed:
        return await self._channel.find(envelope)


@pytest.fixture
async def customer(world: World) -> Customer:
    """Reached by SMS only, one URL due, and no receipt ever comes back."""
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.control(world.settings.twilio_api_base, "callbacks", {"enabled": False})
    return customer


async def opened(world: World) -> tuple[Stream, Notifier]:
    services = world.parts.services
    await world.set_clock(jst("2026-11-10T10:00"))
    await open_payment_requests(services, now=services.clock.now())
    [stream] = [each for each in world.parts.streams if (each.channel, each.priorities) == (ChannelName.SMS, NEWS)]
    return stream, world.parts.notifier


async def test_f6_an_sms_that_its_worker_did_not_survive_was_counted_and_is_not_sent_again(
    world: World, customer: Customer
) -> None:
    stream, notifier = await opened(world)
    channel = WatchedChannel(notifier.channels[ChannelName.SMS], world, dies=lambda: True)
    now = world.parts.services.clock.now()
    with pytest.raises(KilledError):
        await replace(notifier, channels={ChannelName.SMS: channel}).send_due(stream, now=now)
    assert channel.seen == [("sending", 1, True, True)]

    async with world.parts.services.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE notice SET lease_until = clock_timestamp() - interval '1 second'")
    for moment in ("10:02", "10:20", "10:40"):
        await world.set_clock(jst(f"2026-11-10T{moment}"))
        await settle_doubts(notifier, now=world.parts.services.clock.now())
        await notifier.send_due(stream, now=world.parts.services.clock.now())

    assert len(await customer.urls()) == 1
    assert await world.rows(KNOWN_SENT) == [(1, True)]


@pytest.mark.parametrize("kind", ["drop_after", "500_after"])
async def test_f6_without_any_receipt_the_list_alone_keeps_an_sms_from_being_sent_twice(
    world: World, customer: Customer, kind: str
) -> None:
    rule = {"path": "*/Messages.json", "method": "POST", "kind": kind, "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [rule]})

    for moment in ("10:00", "10:02", "10:20", "10:40"):
        await world.go_to(f"2026-11-10T{moment}")

    assert len(await customer.urls()) == 1
    assert await world.rows(KNOWN_SENT) == [(1, True)]
