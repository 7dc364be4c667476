"""LINE's webhook at our door: signatures, order, neighbours, users, card numbers (f54-f56, f77, f96)."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from app.settings import SANDBOX_SECRET
from tests.kit.customer import Customer
from tests.kit.world import World

ANNA, BERT = "U" + "a" * 32, "U" + "b" * 32


def event(serial: int, user: str, words: str, *, at: int = 0) -> dict[str, Any]:
    return {
        "type": "message",
        "mode": "active",
        "webhookEventId": f"01HZZZZZZZZZZZZZZZZZZZZZ{serial:02d}",
        "timestamp": 1793000000000 + (at or serial) * 1000,
        "deliveryContext": {"isRedelivery": False},
        "source": {"type": "user", "userId": user},
        "replyToken": f"token{serial}",
        "message": {"id": f"{serial}", "type": "text", "text": words, "quoteToken": "q"},
    }


async def post(world: World, body: bytes, signature: str | None = None) -> int:
    if signature is None:
        digest = hmac.new(SANDBOX_SECRET.encode(), body, hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
    headers = {"x-line-signature": signature, "content-type": "application/json; charset=utf-8"}
    url = f"{world.settings.public_base_url}/hooks/line"
    async with world.http.post(url, data=body, headers=headers) as answer:
        return answer.status


def webhook(*events: object) -> bytes:
    return json.dumps({"destination": "U" + "0" * 32, "events": list(events)}).encode()


async def test_the_verify_buttons_empty_webhook_is_welcome(world: World) -> None:
    assert await post(world, webhook()) == 200


@pytest.mark.parametrize("signature", ["", "wrong", "ｓｉｇｎ", base64.b64encode(b"0" * 32).decode()])
async def test_f56_a_missing_or_wrong_signature_is_refused_and_nothing_stored(world: World, signature: str) -> None:
    assert await post(world, webhook(event(1, ANNA, "こんにちは")), signature) == 401
    assert await world.rows("SELECT id FROM inbox_event") == []


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"events": 1}', b"{}", b"[" * 100_000])
async def test_f74_signed_nonsense_is_a_400_and_never_a_500(world: World, body: bytes) -> None:
    assert await post(world, body) == 400


async def test_f54_a_redelivered_event_is_applied_once(world: World) -> None:
    body = webhook(event(1, ANNA, "こんにちは"))

    assert [await post(world, body), await post(world, body)] == [200, 200]
    await world.rest()

    assert len(await world.rows("SELECT id FROM chat_message")) == 1
    assert len(await world.rows("SELECT id FROM notice WHERE kind = 'reply'")) == 1


async def test_f55_one_body_with_events_of_two_users_and_an_odd_one_reaches_both(world: World) -> None:
    odd = {"type": "surprise", "webhookEventId": "01HZZZZZZZZZZZZZZZZZZZZZ77", "timestamp": 1793000000000}

    await post(world, webhook(event(1, ANNA, "一"), {"broken": True}, 7, odd, event(2, BERT, "二")))
    await world.rest()

    said = await world.rows(
        "SELECT c.address, m.text FROM chat_message m JOIN conversation c ON c.id = m.conversation_id ORDER BY m.id"
    )
    assert sorted(said) == [(ANNA, "一"), (BERT, "二")]


async def test_events_of_one_user_are_worked_on_in_the_order_of_their_time(world: World) -> None:
    await post(world, webhook(event(1, ANNA, "後", at=20), event(2, ANNA, "先", at=10)))

    await world.rest()

    assert await world.rows("SELECT text FROM chat_message ORDER BY id") == [("先",), ("後",)]


@pytest.mark.parametrize("card", ["4242424242424242", "4242 4242 4242 4242", "４２４２－４２４２－４２４２－４２４２"])
async def test_f77_a_card_number_in_the_chat_is_masked_before_anything_is_stored(world: World, card: str) -> None:
    await post(world, webhook(event(1, ANNA, f"カードは{card}です")))
    await world.rest()

    stored = await world.rows("SELECT body::text FROM inbox_event UNION ALL SELECT text FROM chat_message")
    assert all("4242424242424242" not in text.replace(" ", "").replace("-", "") for (text,) in stored)
    assert all(card not in text for (text,) in stored)
    assert "4242" in stored[-1][0]


async def test_f59_an_unsent_message_loses_its_text(world: World) -> None:
    await post(world, webhook(event(1, ANNA, "まちがえました")))
    await world.rest()
    unsend = {**event(2, ANNA, ""), "type": "unsend", "unsend": {"messageId": "1"}}

    await post(world, webhook(unsend))
    await world.rest()

    assert await world.rows("SELECT text, erased_at IS NOT NULL FROM chat_message") == [(None, True)]


SECRET_WORDS = """
SELECT 'inbox' FROM inbox_event WHERE body::text LIKE '%まちがえ%'
UNION ALL SELECT 'chat' FROM chat_message WHERE text LIKE '%まちがえ%'
"""


def unsend_of(message: dict[str, Any], serial: int) -> dict[str, Any]:
    unsent = {"type": "unsend", "unsend": {"messageId": message["message"]["id"]}}
    return {**event(serial, ANNA, "", at=serial), **unsent, "message": None}


async def test_f59_an_unsent_message_is_kept_nowhere(world: World) -> None:
    said = event(1, ANNA, "まちがえました")
    await post(world, webhook(said))
    await world.rest()

    await post(world, webhook(unsend_of(said, 2)))
    await world.rest()

    assert await world.rows(SECRET_WORDS) == []


async def test_f59_an_unsend_that_overtakes_its_message_leaves_nothing_of_it_and_no_answer(world: World) -> None:
    said = event(1, ANNA, "まちがえました")
    await post(world, webhook(unsend_of(said, 2)))
    await world.rest()

    await post(world, webhook(said))
    await world.rest()

    assert await world.rows(SECRET_WORDS) == []
    assert await world.rows("SELECT kind, text FROM chat_message") == [("unsent", None)]
    assert await world.rows("SELECT id FROM notice") == []


async def test_f59_an_unsent_message_that_was_put_aside_loses_its_text_there(world: World) -> None:
    said = event(1, ANNA, "まちがえました")
    await post(world, webhook(said))
    async with world.parts.services.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE inbox_event SET state = 'quarantined'")
        await connection.exec_driver_sql(
            "INSERT INTO staff_task (kind, dedupe_key, detail, created_at)"
            " SELECT 'event_quarantined', 'event_quarantined:' || id, '{}', received_at FROM inbox_event"
        )

    await post(world, webhook(unsend_of(said, 2)))
    await world.rest()

    assert await world.rows(SECRET_WORDS) == []


async def test_f49_who_blocks_us_gets_what_waits_by_sms(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=ANNA)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await hanako.link_line()
    await world.control(world.settings.line_api_base, f"users/{ANNA}/block", {})
    await world.rest()

    await world.go_to("2026-11-10T10:00")
    await world.rest()

    assert await world.rows("SELECT channel, state FROM notice WHERE kind = 'payment_link'") == [("sms", "delivered")]


async def test_f49_a_push_that_may_have_arrived_before_the_block_is_not_repeated_by_sms(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=ANNA)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await hanako.link_line()
    lost = {"path": "/v2/bot/message/push", "method": "POST", "kind": "500_after", "times": 1}
    await world.control(world.settings.line_api_base, "faults", {"rules": [lost]})
    await world.go_to("2026-11-10T10:00")
    waiting = await world.rows("SELECT state, first_sent_at IS NOT NULL FROM notice WHERE kind = 'payment_link'")

    await world.control(world.settings.line_api_base, f"users/{ANNA}/block", {})
    await world.rest()
    await world.go_to("2026-11-10T11:00")
    await world.rest()

    assert waiting == [("queued", True)]
    assert await world.rows("SELECT channel, state FROM notice WHERE kind = 'payment_link'") == [("line", "sent")]
