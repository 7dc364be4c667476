"""What a status callback proves, whenever it comes: Twilio has the message, brought it, or never will (f6, f53)."""

import pytest

from backend.domain.states import ChannelName
from backend.ports import Accepted, Channel, Envelope, NotListed, Refused, SendOutcome
from bot.notice_doubts import UNCONFIRMED
from tests.hooks.test_twilio_and_gateway_hooks import post_twilio
from tests.kit.clock import jst
from tests.kit.customer import Customer
from tests.kit.world import World

SID = "SM" + "1" * 32
STATES = "SELECT state, failure FROM notice"


@pytest.fixture
async def customer(world: World) -> Customer:
    """Reached by SMS only, one URL due; no receipt comes but those of the test."""
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.control(world.settings.twilio_api_base, "callbacks", {"enabled": False})
    return customer


async def lose_the_answer(world: World) -> None:
    rule = {"path": "*/Messages.json", "method": "POST", "kind": "drop_after", "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [rule]})


async def list_late(world: World) -> None:
    """Twilio's list does not show what it has."""
    await world.control(world.settings.twilio_api_base, "lists", {"list_lag_seconds": 3600 * 24})


async def receive(world: World, customer: Customer, status: str, sid: str = SID, **more: str) -> None:
    [(key,)] = await world.rows("SELECT key FROM notice")
    fields = {"MessageSid": sid, "MessageStatus": status, "To": customer.e164, **more}
    assert await post_twilio(world, f"/hooks/twilio/status?ref={key}", fields) == 200
    await world.rest()


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent"])
async def test_f6_a_callback_with_our_reference_proves_that_twilio_has_the_sms(
    world: World, customer: Customer, status: str
) -> None:
    await list_late(world)
    await lose_the_answer(world)
    await world.go_to("2026-11-10T10:00")

    await receive(world, customer, status)
    for moment in ("10:02", "10:20", "10:40"):
        await world.go_to(f"2026-11-10T{moment}")

    assert len(await customer.urls()) == 1
    assert await world.rows("SELECT state, attempts, provider_message_id FROM notice") == [("sent", 1, SID)]


@pytest.mark.parametrize("status", ["sent", "delivered"])
async def test_f6_a_callback_that_comes_while_a_resend_waits_for_the_morning_stops_it(
    world: World, customer: Customer, status: str
) -> None:
    await list_late(world)
    await lose_the_answer(world)
    await world.set_clock(jst("2026-11-10T18:50"))
    for moment in ("18:50", "18:52", "18:58", "19:04", "19:10"):
        await world.go_to(f"2026-11-10T{moment}")
    waiting = await world.rows("SELECT state, attempts FROM notice")

    await receive(world, customer, status)
    await world.go_to("2026-11-11T10:00")

    assert waiting == [("queued", 1)]
    assert len(await customer.urls()) == 1
    assert await world.rows(STATES) == [(status, None)]


@pytest.mark.parametrize(
    ("status", "state", "open_tasks"),
    [("delivered", "delivered", []), ("sent", "sent", []), ("undelivered", "failed", [("unreachable",)])],
)
async def test_f53_a_late_callback_answers_what_people_were_asked_to_find_out(
    world: World, customer: Customer, status: str, state: str, open_tasks: list[tuple[str]]
) -> None:
    await list_late(world)
    await lose_the_answer(world)
    await world.go_to("2026-11-10T10:00")
    async with world.parts.services.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE notice SET attempts = 2")
    await world.go_to("2026-11-10T10:20")
    asked = await world.rows("SELECT n.state, t.kind FROM notice n, staff_task t")

    await receive(world, customer, status)

    assert asked == [("needs_human", "notice_unclear")]
    assert await world.rows("SELECT state FROM notice") == [(state,)]
    assert await world.rows("SELECT kind FROM staff_task WHERE done_at IS NULL") == open_tasks


async def test_f53_a_message_that_was_cancelled_at_twilio_becomes_a_task_for_people(
    world: World, customer: Customer
) -> None:
    await world.go_to("2026-11-10T10:00")

    await receive(world, customer, "canceled")

    assert await world.rows("SELECT state FROM notice") == [("failed",)]
    assert await world.rows("SELECT kind FROM staff_task") == [("unreachable",)]


class ToldBeforeTheAnswer:
    """The real channel, whose create answer arrives after the first callback has been applied."""

    name, is_idempotent = ChannelName.SMS, False

    def __init__(self, channel: Channel, world: World, customer: Customer) -> None:
        self._channel, self._world, self._customer = channel, world, customer

    async def send(self, envelope: Envelope) -> SendOutcome:
        outcome = await self._channel.send(envelope)
        assert isinstance(outcome, Accepted)
        fields = {
            "MessageSid": str(outcome.provider_message_id),
            "MessageStatus": "undelivered",
            "ErrorCode": "30003",
            "To": self._customer.e164,
        }
        await post_twilio(self._world, f"/hooks/twilio/status?ref={envelope.key}", fields)
        [inbox] = [step for step in self._world.parts.steps() if step.name == "inbox"]
        await inbox.run(self._world.parts.services.clock.now())
        return outcome

    async def find(self, envelope: Envelope) -> Accepted | Refused | NotListed:
        return await self._channel.find(envelope)


async def test_f53_a_failure_told_before_the_create_answer_keeps_its_reason(world: World, customer: Customer) -> None:
    channels = world.parts.notifier.channels
    slow = ToldBeforeTheAnswer(channels[ChannelName.SMS], world, customer)
    channels[ChannelName.SMS] = slow  # type: ignore[index]

    await world.go_to("2026-11-10T10:00")

    assert await world.rows(STATES) == [("failed", "30003")]


async def test_an_sms_that_the_carrier_has_but_never_confirms_is_nobodys_task(world: World, customer: Customer) -> None:
    number = f"numbers/{customer.e164.replace('+', '%2B')}"
    await world.control(world.settings.twilio_api_base, number, {"behaviour": "no_receipt"})
    await world.go_to("2026-11-10T10:00")
    await customer.urls()

    for moment in ("10T12:00", "10T19:00", "11T11:00", "11T18:00"):
        await world.go_to(f"2026-11-{moment}")

    assert await world.rows(STATES) == [("sent", UNCONFIRMED)]
    assert await world.rows("SELECT kind FROM staff_task") == []


@pytest.mark.usefixtures("customer")
async def test_f53_an_sms_that_twilio_does_not_list_after_a_day_is_a_task_for_people(world: World) -> None:
    await world.go_to("2026-11-10T10:00")
    await world.control(world.settings.twilio_api_base, "reset", {})

    for moment in ("10T12:00", "11T11:00"):
        await world.go_to(f"2026-11-{moment}")

    assert await world.rows("SELECT state FROM notice") == [("needs_human",)]
    assert await world.rows("SELECT kind FROM staff_task") == [("notice_unclear",)]
