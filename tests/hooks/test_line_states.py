"""What LINE's events say of users and links, however late, out of order, mute or unnamed they come (f49, f54, f60)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.store import inbox
from backend.usecases import link_line_account
from bot.conversation import Conversations, Said
from bot.line_events import LineEvents
from tests.hooks.test_line_hook import event, post, webhook
from tests.kit.clock import jst
from tests.kit.customer import Customer, linked_customer
from tests.kit.world import World

USER, OTHER = "U" + "3" * 32, "U" + "9" * 32
NOTICES = "SELECT channel, state FROM notice WHERE kind = 'payment_link' ORDER BY id"
LINKED = "SELECT line_user_id FROM line_link WHERE unlinked_at IS NULL"
ANSWERS = "SELECT address FROM notice WHERE kind = 'reply'"


@pytest.fixture
async def customer(world: World) -> Customer:
    return await linked_customer(world, line_user=USER)


def told(serial: int, kind: str, at: str, *, user: str = USER, **more: object) -> dict[str, Any]:
    """An event of `kind` that happened at `at`, whenever it is told."""
    moment = int(jst(at).timestamp() * 1000)
    return {**event(serial, user, ""), "type": kind, "timestamp": moment, **more}


async def nonce_of(world: World, *, user: str) -> str:
    [(account_id,)] = await world.rows("SELECT id FROM account")
    services = world.parts.services
    return await link_line_account.issue_nonce(
        services, account_id=account_id, line_user_id=user, now=services.clock.now()
    )


async def test_f49_a_url_that_was_pushed_into_a_block_told_later_comes_by_sms(world: World, customer: Customer) -> None:
    await world.go_to("2026-11-10T10:00")

    await post(world, webhook(told(1, "unfollow", "2026-11-10T09:59")))
    await world.rest()

    assert len(await customer.sms_urls()) == 1
    assert await world.rows(NOTICES) == [("line", "failed"), ("sms", "delivered")]


async def test_f49_a_url_that_arrived_before_the_block_is_not_sent_again(world: World, customer: Customer) -> None:
    await world.go_to("2026-11-10T10:00")

    await post(world, webhook(told(1, "unfollow", "2026-11-10T10:05")))
    await world.rest()

    assert await customer.sms_urls() == []
    assert await world.rows(NOTICES) == [("line", "sent")]


async def test_f49_a_url_that_somebody_has_used_did_arrive_whatever_the_block_says(
    world: World, customer: Customer
) -> None:
    await world.go_to("2026-11-10T10:00")
    await customer.enter_card((await customer.urls())[0])

    await post(world, webhook(told(1, "unfollow", "2026-11-10T09:59")))
    await world.rest()

    assert await customer.sms_urls() == []


async def test_f49_a_push_of_unknown_outcome_before_a_block_comes_by_sms_if_nobody_opens_it(
    world: World, customer: Customer
) -> None:
    """The first try did nothing, the second went into the block: asked about like any silent block."""
    rule = {"path": "/v2/bot/message/push", "method": "POST", "kind": "500_before", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [rule]})
    await world.go_to("2026-11-10T10:00")
    await world.control(world.settings.line_api_base, f"users/{USER}/block", {})
    await world.rest()
    await world.go_to("2026-11-10T10:05")
    early = await customer.sms_urls()

    await world.go_to("2026-11-13T10:00")
    await world.rest()

    assert early == []
    assert len(await customer.sms_urls()) == 1


async def test_f54_an_old_block_after_a_newer_follow_moves_nothing_to_sms(world: World, customer: Customer) -> None:
    await world.go_to("2026-11-10T10:00")
    await post(world, webhook(told(1, "follow", "2026-11-10T10:02")))
    await world.rest()

    await post(world, webhook(told(2, "unfollow", "2026-11-10T09:59")))
    await world.rest()

    assert await customer.sms_urls() == []
    assert await world.rows(NOTICES) == [("line", "sent")]


async def test_a_block_in_standby_is_a_block(world: World) -> None:
    await post(world, webhook({**told(1, "unfollow", "2026-11-01T12:00"), "mode": "standby"}))
    await world.rest()

    assert await world.rows("SELECT is_blocked FROM line_user") == [(True,)]


async def test_what_is_said_in_standby_is_kept_and_heeded_and_not_answered(world: World) -> None:
    await post(world, webhook({**event(1, USER, "停止"), "mode": "standby"}))
    await world.rest()

    assert await world.rows("SELECT text FROM chat_message") == [("停止",)]
    assert await world.rows("SELECT address FROM contact_stop") == [(USER,)]
    assert await world.rows(ANSWERS) == []


async def test_f59_what_is_unsent_in_standby_loses_its_text(world: World) -> None:
    await post(world, webhook(event(1, USER, "まちがえました")))
    await world.rest()

    await post(
        world, webhook({**event(2, USER, ""), "type": "unsend", "unsend": {"messageId": "1"}, "mode": "standby"})
    )
    await world.rest()

    assert await world.rows("SELECT text FROM chat_message") == [(None,)]


@pytest.mark.parametrize("lacks", ["webhookEventId", "timestamp"])
async def test_an_event_that_lacks_its_name_or_time_is_kept_once_and_answered(world: World, lacks: str) -> None:
    nameless = event(1, USER, "メニュー")
    del nameless[lacks]

    again = {**nameless, "deliveryContext": {"isRedelivery": True}}
    assert [await post(world, webhook(each)) for each in (nameless, again)] == [200, 200]
    await world.rest()

    assert await world.rows("SELECT text FROM chat_message") == [("メニュー",)]
    assert await world.rows(ANSWERS) == [(USER,)]


@pytest.mark.usefixtures("customer")
async def test_f60_a_link_that_was_made_in_time_counts_however_late_it_is_told(world: World) -> None:
    nonce = await nonce_of(world, user=OTHER)
    at = f"{world.parts.services.clock.now() + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}"
    await world.go_to("2026-11-01T13:00")

    linked = told(1, "accountLink", at, user=OTHER, link={"result": "ok", "nonce": nonce})
    await post(world, webhook(linked))
    await world.rest()

    assert await world.rows(LINKED) == [(OTHER,)]


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(("result", "minutes"), [("failed", 1), ("ok", 11)])
async def test_f60_a_link_that_was_not_made_is_told_with_a_way_to_try_again(
    world: World, result: str, minutes: int
) -> None:
    nonce = await nonce_of(world, user=OTHER)
    at = f"{world.parts.services.clock.now() + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S}"

    refused = told(1, "accountLink", at, user=OTHER, link={"result": result, "nonce": nonce})
    await post(world, webhook(refused))
    await world.rest()

    assert await world.rows(LINKED) == [(USER,)]
    assert await world.rows("SELECT address, payload::text LIKE '%連携できませんでした%' FROM notice") == [
        (OTHER, True)
    ]
    assert await world.rows("SELECT line_user_id FROM line_invitation") == [(OTHER,)]


@pytest.mark.usefixtures("customer")
async def test_f60_a_nonce_is_good_only_for_who_was_invited(world: World) -> None:
    nonce = await nonce_of(world, user=USER)
    at = f"{world.parts.services.clock.now():%Y-%m-%dT%H:%M:%S}"

    await post(world, webhook(told(1, "accountLink", at, user=OTHER, link={"result": "ok", "nonce": nonce})))
    await world.rest()

    assert await world.rows(LINKED) == [(USER,)]


class DatabaseAwayError(Exception):
    """Stands for a connection that broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakingConversations(Conversations):
    """Loses its connection when the answer has been written and not committed."""

    async def answer_within(self, connection: AsyncConnection, said: Said, *, now: datetime) -> None:
        await Conversations.answer_within(self, connection, said, now=now)
        raise DatabaseAwayError


@pytest.mark.usefixtures("customer")
async def test_f60_a_link_whose_answer_could_not_be_written_is_not_made_yet_and_later_told(world: World) -> None:
    services, wording = world.parts.services, world.parts.wording
    nonce = await nonce_of(world, user=OTHER)
    now = services.clock.now()
    linked = told(1, "accountLink", f"{now:%Y-%m-%dT%H:%M:%S}", user=OTHER, link={"result": "ok", "nonce": nonce})
    await post(world, webhook(linked))
    kept = inbox.InboxEvent(
        id=0,
        source="line",
        event_id="x",
        order_key="x",
        body=linked,
        attempts=1,
        occurred_at=now,
        received_at=now,
    )
    breaking = LineEvents(services=services, conversations=BreakingConversations(services=services, wording=wording))
    with pytest.raises(DatabaseAwayError):
        await breaking.apply(kept, now)
    in_between = await world.rows(LINKED)

    await world.rest()

    assert in_between == [(USER,)]
    assert await world.rows(LINKED) == [(OTHER,)]
    assert await world.rows(ANSWERS) == [(OTHER,)]
