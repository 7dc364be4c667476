"""A push that may have arrived is repeated under its own key or left to people; never told by SMS as well (f46-f48)."""

import pytest

from backend.ports import Accepted, Envelope, SendOutcome
from bot.channels.line import Answer, LineChannel, _pushed
from tests.kit.customer import Customer, linked_customer
from tests.kit.scripted_line import LOST, UNNAMED_409, refusal, script_line
from tests.kit.world import World

USER = "U" + "3" * 32
NOTICES = "SELECT channel, state FROM notice WHERE kind = 'payment_link' ORDER BY id"
TASKS = "SELECT kind FROM staff_task"


@pytest.fixture
async def customer(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


async def test_f47_a_409_that_names_no_request_is_an_acceptance_as_well(world: World, customer: Customer) -> None:
    script_line(world, "/message/push", LOST, UNNAMED_409)

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-10T10:01")
    await world.rest()

    assert len(await customer.urls()) == 1
    assert await world.rows(NOTICES) == [("line", "sent")]


@pytest.mark.parametrize("status", [200, 202, 299])
def test_any_2xx_is_an_acceptance_whatever_its_body_holds(status: int) -> None:
    for body in ({}, {"sentMessages": []}, {"sentMessages": ["odd"]}, {"sentMessages": {"id": 1}}):
        assert _pushed(Answer(status=status, headers={}, body=body)) == Accepted(provider_message_id=None)


async def test_f48_a_refusal_after_a_push_that_may_have_arrived_goes_to_people_and_not_by_sms(
    world: World, customer: Customer
) -> None:
    script_line(world, "/message/push", LOST, refusal(400))

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-10T10:01")
    await world.rest()

    assert len(await customer.urls()) == 1
    assert await world.rows(NOTICES) == [("line", "needs_human")]
    assert await world.rows(TASKS) == [("notice_unclear",)]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_is_refused_after_a_push_that_may_have_arrived_only_holds_it(
    world: World, customer: Customer, status: int
) -> None:
    script_line(world, "/message/push", LOST, refusal(status))

    for moment in ("10:00", "10:01", "10:30"):
        await world.go_to(f"2026-11-10T{moment}")
    await world.rest()

    assert len(await customer.urls()) == 1
    assert await world.rows(NOTICES) == [("line", "sent")]
    assert await world.rows(TASKS) == [("channel_refused",)]


@pytest.mark.usefixtures("customer")
async def test_f46_line_is_not_asked_again_before_it_said(world: World) -> None:
    line = script_line(world, "/message/push", refusal(429, retry_after="120"))

    tried = []
    for moment in ("10:00:00", "10:01:20", "10:02:40"):
        await world.go_to(f"2026-11-10T{moment}")
        tried.append(line.calls)

    assert tried == [1, 1, 2]


@pytest.mark.parametrize("said", ["", "soon", "-5", "²", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 30])
def test_f46_an_odd_retry_after_is_as_good_as_none_and_a_huge_one_ends(said: str) -> None:
    pause = Answer(status=429, headers={"Retry-After": said}, body={}).pause(5)

    assert pause == (3600 if said.startswith("9") else 5)


class OftenBrokenChannel:
    """The real channel; the first call breaks in a way that nobody expected."""

    def __init__(self, channel: LineChannel) -> None:
        self.name, self.is_idempotent, self.find = channel.name, channel.is_idempotent, channel.find
        self._channel, self._calls = channel, 0

    async def send(self, envelope: Envelope) -> SendOutcome:
        self._calls += 1
        if self._calls == 1:
            raise AttributeError("nothing that a channel should raise")
        return await self._channel.send(envelope)


async def test_f46_an_answer_that_cannot_be_read_costs_no_neighbour_its_outcome(
    world: World, customer: Customer
) -> None:
    other = Customer(world=world, number="0012345679", phone="09012345679", line_user="U" + "4" * 32)
    await world.import_bills(other.bill("2026-11", 9120, confirmed="2026-11-08"))
    await other.link_line()
    channels = dict(world.parts.notifier.channels)
    channels[world.parts.line.name] = OftenBrokenChannel(world.parts.line)
    object.__setattr__(world.parts.notifier, "channels", channels)

    await world.go_to("2026-11-10T10:00")
    states = await world.rows("SELECT state FROM notice ORDER BY id")
    await world.go_to("2026-11-10T10:01")

    assert sorted(states) == [("queued",), ("sent",)]
    assert [len(await each.urls()) for each in (customer, other)] == [1, 1]


@pytest.mark.parametrize("problem", [LookupError("unknown encoding: x"), ValueError("odd header")])
async def test_f47_an_answer_in_an_unknown_encoding_is_unclear_and_repeated_with_its_key(
    world: World, customer: Customer, problem: Exception
) -> None:
    script_line(world, "/message/push", problem)

    await world.go_to("2026-11-10T10:00")
    await world.go_to("2026-11-10T10:01")

    assert len(await customer.urls()) == 1
    assert await world.rows("SELECT state, attempts FROM notice") == [("sent", 2)]
