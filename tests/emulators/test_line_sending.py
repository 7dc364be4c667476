import asyncio
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
from linebot.v3.messaging import (
    ApiException,
    AsyncApiClient,
    AsyncMessagingApi,
    Configuration,
    PushMessageRequest,
    TextMessage,
)

from tests.emulators.line_kit import AUTH, KEY, OTHER, PUSH, TOKEN, USER, Line, running_line, text


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with running_line() as running:
        yield running


async def test_a_push_reaches_the_chat_and_names_its_messages(line: Line) -> None:
    status, body = await line.push(text("一つ目"), text("二つ目"))

    assert status == 200
    chat = await line.look(f"users/{USER}/chat")
    assert [m["message"]["text"] for m in chat["messages"]] == ["一つ目", "二つ目"]
    assert [m["id"] for m in chat["messages"]] == [m["id"] for m in body["sentMessages"]]
    assert chat["messages"][-1]["seq"] == chat["last"]


async def test_the_chat_can_be_read_from_the_last_seen_message_on(line: Line) -> None:
    await line.push(text("一つ目"), text("二つ目"))
    seen = (await line.look(f"users/{USER}/chat"))["messages"][0]["seq"]

    rest = await line.look(f"users/{USER}/chat?after={seen}")

    assert [m["message"]["text"] for m in rest["messages"]] == ["二つ目"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_call_without_the_right_token_is_refused(line: Line, header: dict[str, str]) -> None:
    async with line.client.post(PUSH, json={}, headers=header) as response:
        body = await response.json()

    assert response.status == 401
    assert body["message"].startswith("Authentication failed")
    assert response.headers["x-line-request-id"]


async def test_a_replayed_key_is_refused_with_the_first_answer(line: Line) -> None:
    body = {"to": USER, "messages": [text()]}
    headers = {**AUTH, "X-Line-Retry-Key": KEY}
    async with line.client.post(PUSH, json=body, headers=headers) as accepted:
        first = await accepted.json()

    async with line.client.post(PUSH, json=body, headers=headers) as replayed:
        second = await replayed.json()

    assert replayed.status == 409
    assert second["sentMessages"] == first["sentMessages"]
    accepted_id = replayed.headers["x-line-accepted-request-id"]
    assert accepted_id == accepted.headers["x-line-request-id"]
    truth = await line.look("truth")
    assert [push["replays"] for push in truth["pushes"]] == [1]
    assert truth["duplicates"][0]["same_body"] is True


async def test_a_key_is_a_new_request_after_24_hours(line: Line) -> None:
    await line.push(text(), key=KEY)
    await line.control("clock", {"offset_seconds": 24 * 3600 + 1})

    status, _ = await line.push(text(), key=KEY)

    assert status == 200
    assert (await line.look("truth/summary"))["most_pushes_per_user"] == 2


async def test_a_key_that_is_no_uuid_is_refused(line: Line) -> None:
    status, _ = await line.push(text(), key="order-1")

    assert status == 400


async def test_a_refused_push_leaves_its_key_free(line: Line) -> None:
    await line.push(text(""), key=KEY)

    status, _ = await line.push(text(), key=KEY)

    assert status == 200


async def test_a_push_to_a_stranger_is_refused(line: Line) -> None:
    status, body = await line.push(text(), to="U" + "9" * 32)

    assert (status, body["message"]) == (400, "Failed to send messages")


async def test_a_push_to_someone_who_blocks_the_bot_is_accepted_and_lost(line: Line) -> None:
    await line.control(f"users/{USER}/block")

    status, _ = await line.push(text())

    assert status == 200
    summary = await line.look("truth/summary")
    assert (summary["pushes_accepted"], summary["pushes_delivered"]) == (1, 0)
    assert summary["quota_used"] == 0


async def test_the_monthly_limit_refuses_pushes_but_not_replies(line: Line) -> None:
    await line.control("limits", {"monthly_quota": 1})
    await line.push(text())

    status, body = await line.push(text(), to=OTHER)

    assert (status, body["message"]) == (429, "You have reached your monthly limit.")
    assert await line.call("/v2/bot/message/quota", method="GET") == (
        200,
        {"type": "limited", "value": 1},
    )
    _, used = await line.call("/v2/bot/message/quota/consumption", method="GET")
    assert used == {"totalUsage": 1}


async def test_a_new_month_has_its_own_quota(line: Line) -> None:
    await line.control("limits", {"monthly_quota": 1})
    await line.control("clock", {"now": "2026-11-30T23:59:00+09:00"})
    await line.push(text())
    await line.control("clock", {"now": "2026-12-01T00:01:00+09:00"})

    status, _ = await line.push(text())

    assert status == 200


async def test_multicast_refuses_more_than_500_people(line: Line) -> None:
    people = [f"U{number:032x}" for number in range(501)]

    status, body = await line.call("/v2/bot/message/multicast", {"to": people, "messages": [text()]})

    assert (status, body["details"][0]["property"]) == (400, "to")


async def test_multicast_reaches_every_friend_once(line: Line) -> None:
    body = {"to": [USER, OTHER, USER], "messages": [text()]}

    status, _ = await line.call("/v2/bot/message/multicast", body)

    assert status == 200
    assert (await line.look("truth/summary"))["pushes_delivered"] == 2


async def test_a_replayed_multicast_names_no_messages(line: Line) -> None:
    body = {"to": [USER, OTHER], "messages": [text()]}
    path, key = "/v2/bot/message/multicast", {"X-Line-Retry-Key": KEY}
    await line.call(path, body, **key)

    status, told = await line.call(path, body, **key)

    assert (status, "sentMessages" in told) == (409, False)
    assert (await line.look("truth/summary"))["pushes_accepted"] == 2


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b'"a"', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_message_is_refused(line: Line, raw: bytes) -> None:
    async with line.client.post(PUSH, data=raw, headers=AUTH) as response:
        assert response.status == 400


async def test_boxes_nested_beyond_reason_are_refused(line: Line) -> None:
    box = '{"type":"box","layout":"vertical","contents":['
    body = '{"type":"bubble","body":' + box * 400 + "]}" * 400 + "}"
    message = '{"type":"flex","altText":"a","contents":' + body + "}"
    raw = '{"to":"' + USER + '","messages":[' + message + "]}"

    async with line.client.post(PUSH, data=raw.encode(), headers=AUTH) as response:
        assert response.status == 400


async def test_followers_come_in_pages(line: Line) -> None:
    _, first = await line.call("/v2/bot/followers/ids?limit=1", method="GET")
    _, rest = await line.call(f"/v2/bot/followers/ids?start={first['next']}", method="GET")

    assert (first["userIds"], rest["userIds"]) == ([USER], [OTHER])


async def test_validate_sends_nothing(line: Line) -> None:
    assert await line.call("/v2/bot/message/validate/push", {"messages": [text()]}) == (200, {})
    status, _ = await line.call("/v2/bot/message/validate/push", {"messages": [text("")]})

    assert status == 400
    assert (await line.look("truth/summary"))["messages_sent"] == 0


async def test_a_body_over_2_megabytes_is_too_large(line: Line) -> None:
    body = io.BytesIO(b"x" * (2 * 1024 * 1024 + 1))

    async with line.client.post(PUSH, data=body, headers=AUTH) as response:
        assert response.status == 413


async def test_rates_limit_an_endpoint_when_they_are_set() -> None:
    async with running_line(rates={"push": 2.0}) as line:
        statuses = [(await line.push(text()))[0] for _ in range(3)]

    assert statuses == [200, 200, 429]


async def test_a_platform_that_keeps_no_bodies_still_keeps_the_count() -> None:
    async with running_line(keep_bodies=False) as line:
        await line.push(text(), key=KEY)
        truth = await line.look("truth")
        chat = await line.look(f"users/{USER}/chat")

    assert (truth["pushes"][0]["retry_key"], chat["messages"]) == (KEY, [])


@pytest.mark.parametrize(
    ("kind", "accepted", "error"),
    [
        ("drop_before", 0, aiohttp.ClientError),
        ("drop_after", 1, aiohttp.ClientError),
    ],
)
async def test_a_dropped_call_is_done_or_not_as_asked(
    line: Line, kind: str, accepted: int, error: type[Exception]
) -> None:
    await line.control("faults", {"rules": [{"path": PUSH, "kind": kind, "times": 1}]})

    with pytest.raises(error):
        await line.push(text(), key=KEY)

    assert (await line.look("truth/summary"))["pushes_accepted"] == accepted
    status, _ = await line.push(text(), key=KEY)
    assert status == (409 if accepted else 200)


@pytest.mark.parametrize(
    ("kind", "status", "accepted"), [("500_before", 500, 0), ("500_after", 500, 1), ("429", 429, 0)]
)
async def test_a_failing_call_is_done_or_not_as_asked(line: Line, kind: str, status: int, accepted: int) -> None:
    await line.control("faults", {"rules": [{"path": "/v2/*", "kind": kind, "times": 1}]})

    assert (await line.push(text()))[0] == status
    assert (await line.look("truth/summary"))["pushes_accepted"] == accepted


async def test_a_hanging_call_ends_with_its_caller(line: Line) -> None:
    await line.control("faults", {"rules": [{"path": PUSH, "kind": "hang", "seconds": 0.2}]})

    with pytest.raises((aiohttp.ClientError, asyncio.TimeoutError)):
        await line.push(text())


async def test_the_official_client_pushes_and_sees_the_replay(line: Line) -> None:
    host = str(line.client.make_url("")).rstrip("/")
    request = PushMessageRequest(to=USER, messages=[TextMessage(text="公式SDKから")])
    async with AsyncApiClient(Configuration(host=host, access_token=TOKEN)) as client:
        api = AsyncMessagingApi(client)
        sent = await api.push_message(request, x_line_retry_key=KEY, _request_timeout=30)

        with pytest.raises(ApiException) as refused:
            await api.push_message(request, x_line_retry_key=KEY, _request_timeout=30)

        profile = await api.get_profile(USER, _request_timeout=30)
    assert refused.value.status == 409
    assert sent.sent_messages[0].id in refused.value.body
    assert profile.display_name == "お客様"
