import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulators.line.webhooks import sign
from tests.emulators.line_kit import OTHER, SECRET, USER, Line, first_stream_entry, running_line, text


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with running_line() as running:
        yield running


async def reply(line: Line, token: str) -> int:
    body = {"replyToken": token, "messages": [text()]}
    return (await line.call("/v2/bot/message/reply", body))[0]


async def write(line: Line, words: str = "今月の金額") -> Any:
    return await line.control(f"users/{USER}/messages", {"type": "text", "text": words})


def test_the_signature_is_the_official_one() -> None:
    body = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'

    assert sign(secret=SECRET, body=body) == "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


async def test_a_message_reaches_the_bot_signed(line: Line) -> None:
    await write(line)

    event = (await line.events())[0]
    headers, raw = line.bot.heard[0]
    digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()
    assert headers["x-line-signature"] == base64.b64encode(digest).decode()
    assert headers["User-Agent"] == "LineBotWebhook/2.0"
    assert event["message"]["text"] == "今月の金額"
    assert event["source"] == {"type": "user", "userId": USER}
    assert len(event["webhookEventId"]) == 26
    assert event["deliveryContext"] == {"isRedelivery": False}


async def test_a_new_friend_is_announced(line: Line) -> None:
    added = await line.control("users", {"displayName": "佐藤"})

    event = (await line.events())[0]
    assert (event["type"], event["source"]["userId"]) == ("follow", added["userId"])
    assert event["follow"] == {"isUnblocked": False}


async def test_blocking_and_coming_back_are_announced(line: Line) -> None:
    await line.control(f"users/{USER}/block")
    await line.control(f"users/{USER}/unblock")

    events = sorted(await line.events(), key=lambda event: event["timestamp"])
    assert [event["type"] for event in events] == ["unfollow", "follow"]
    assert "replyToken" not in events[0]
    assert events[1]["follow"] == {"isUnblocked": True}


async def test_a_blocking_person_has_no_profile(line: Line) -> None:
    await line.control(f"users/{USER}/block")

    status, _ = await line.call(f"/v2/bot/profile/{USER}", method="GET")

    assert status == 404


async def test_a_postback_carries_its_data(line: Line) -> None:
    await line.control(f"users/{USER}/postbacks", {"data": "action=url", "displayText": "URL再送"})

    event = (await line.events())[0]
    assert event["postback"] == {"data": "action=url"}
    chat = await line.look(f"users/{USER}/chat")
    assert chat["messages"][0]["message"]["text"] == "URL再送"


async def test_a_sticker_is_a_message(line: Line) -> None:
    await line.control(f"users/{USER}/stickers")

    assert (await line.events())[0]["message"]["type"] == "sticker"


async def test_an_unsent_message_disappears_and_is_announced(line: Line) -> None:
    said = await write(line)

    await line.control(f"users/{USER}/unsend", {"messageId": said["message"]["id"]})

    events = await line.events()
    unsend = next(event for event in events if event["type"] == "unsend")
    assert unsend["unsend"] == {"messageId": said["message"]["id"]}
    chat = await line.look(f"users/{USER}/chat")
    assert chat["messages"][0]["message"] == {"type": "unsent"}


async def test_events_of_several_people_travel_in_one_body(line: Line) -> None:
    message = {"type": "message", "message": {"type": "text", "id": "1", "text": "a"}}
    await line.control("events", [{**message, "userId": USER}, {**message, "userId": OTHER}])

    events = await line.events()
    assert len(line.bot.heard) == 1
    assert [event["source"]["userId"] for event in events] == [USER, OTHER]
    assert await reply(line, events[1]["replyToken"]) == 200


async def test_raw_events_are_sent_as_they_are(line: Line) -> None:
    odd = {"type": "brandNew", "webhookEventId": "x"}

    await line.control("events", {"events": [odd], "raw": True})

    assert await line.events() == [odd]


async def test_a_reply_token_works_once(line: Line) -> None:
    said = await write(line)

    assert await reply(line, said["replyToken"]) == 200
    assert await reply(line, said["replyToken"]) == 400


async def test_a_reply_token_dies_after_a_minute(line: Line) -> None:
    said = await write(line)
    await line.control("clock", {"offset_seconds": 61})

    assert await reply(line, said["replyToken"]) == 400


async def test_a_reply_may_not_carry_a_retry_key(line: Line) -> None:
    said = await write(line)
    body = {"replyToken": said["replyToken"], "messages": [text()]}
    key = {"X-Line-Retry-Key": "123e4567-e89b-12d3-a456-426614174000"}

    status, _ = await line.call("/v2/bot/message/reply", body, **key)

    assert status == 400
    assert await reply(line, said["replyToken"]) == 200


async def test_an_unanswered_webhook_comes_again_with_the_same_ids(line: Line) -> None:
    line.bot.answers = [500, 503]
    await write(line)

    events = await line.events()
    assert len({event["webhookEventId"] for event in events}) == 1
    assert len({event["replyToken"] for event in events}) == 1
    redelivered = [event["deliveryContext"]["isRedelivery"] for event in events]
    assert redelivered == [False, True, True]
    truth = await line.look("truth")
    assert [attempt["status"] for attempt in truth["webhooks"]] == [500, 503, 200]


async def test_a_redelivery_gives_an_unused_reply_token_another_minute() -> None:
    async with running_line(redelivery_seconds=0.3) as line:
        line.bot.answers = [500]
        said = await write(line)
        await line.control("clock", {"offset_seconds": 90})
        await line.events()

        assert await reply(line, said["replyToken"]) == 200


async def test_a_redelivery_does_not_renew_a_token_past_20_minutes() -> None:
    async with running_line(redelivery_seconds=0.3) as line:
        line.bot.answers = [500]
        said = await write(line)
        await line.control("clock", {"offset_seconds": 20 * 60 + 1})
        await line.events()

        assert await reply(line, said["replyToken"]) == 400


async def test_a_duplicate_comes_without_being_called_a_redelivery(line: Line) -> None:
    await line.control("webhooks", {"duplicate": 1})
    await write(line)

    events = await line.events()
    assert len(events) == 2
    assert events[0] == events[1]


async def test_held_webhooks_arrive_in_reverse_order(line: Line) -> None:
    await line.control("webhooks", {"shuffle": 2})
    await write(line, "先")
    await write(line, "後")

    assert [event["message"]["text"] for event in await line.events()] == ["後", "先"]


async def test_switched_off_webhooks_are_lost_and_counted(line: Line) -> None:
    await line.control("webhooks", {"enabled": False})
    await write(line)

    assert await line.events() == []
    assert (await line.look("truth/summary"))["webhooks_lost"] == 1


async def test_the_verify_button_sends_no_events(line: Line) -> None:
    status, body = await line.call("/v2/bot/channel/webhook/test", {})

    assert (status, body["success"], body["statusCode"]) == (200, True, 200)
    assert json.loads(line.bot.heard[0][1])["events"] == []


async def test_the_webhook_endpoint_can_be_moved(line: Line) -> None:
    path = "/v2/bot/channel/webhook/endpoint"
    await line.call(path, {"endpoint": "https://bot.example.jp/hooks/line"}, method="PUT")

    _, body = await line.call(path, method="GET")

    assert body == {"endpoint": "https://bot.example.jp/hooks/line", "active": True}


async def test_the_stream_shows_what_appears_on_the_screen(line: Line) -> None:
    path = f"/_control/chat/stream?user={USER}"
    async with line.client.get(path) as response:
        await line.push(text("届きました"))

        entry = await first_stream_entry(response)

    assert (entry["address"], entry["message"]["text"]) == (USER, "届きました")


async def test_loading_is_accepted_in_steps_of_five_seconds(line: Line) -> None:
    path = "/v2/bot/chat/loading/start"

    assert (await line.call(path, {"chatId": USER, "loadingSeconds": 10}))[0] == 202
    assert (await line.call(path, {"chatId": USER, "loadingSeconds": 7}))[0] == 400
    assert (await line.call(path, {"chatId": USER, "loadingSeconds": 65}))[0] == 400


async def test_a_reset_forgets_everything(line: Line) -> None:
    await line.push(text())

    summary = await line.control("reset")

    assert (summary["pushes_accepted"], summary["users"]) == (0, 0)
