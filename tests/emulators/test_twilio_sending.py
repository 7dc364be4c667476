from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import BasicAuth
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from emulators.twilio.segments import count_segments
from tests.emulators.twilio_kit import LIST, OTHER_PHONE, PHONE, SENDER, SID, TOKEN, Twilio, running_twilio

SLOW = {"status_seconds": 30.0}


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with running_twilio() as running:
        yield running


async def test_a_message_is_queued_and_shown_in_full() -> None:
    async with running_twilio(**SLOW) as twilio:
        status, body = await twilio.send()

    assert status == 201
    assert (body["status"], body["direction"], body["num_segments"]) == (
        "queued",
        "outbound-api",
        "1",
    )
    assert (body["to"], body["from"], body["date_sent"]) == (PHONE, SENDER, None)
    assert body["date_created"].endswith("+0000")
    assert body["uri"].endswith(f"/Messages/{body['sid']}.json")


async def test_a_delivered_message_is_on_the_phone(twilio: Twilio) -> None:
    _, made = await twilio.send()
    await twilio.idle()

    assert (await twilio.one(made["sid"]))["status"] == "delivered"
    screen = await twilio.look(f"phones/{PHONE}/messages")
    assert [m["body"] for m in screen["messages"]] == ["お支払いのご案内"]
    later = await twilio.look(f"phones/{PHONE}/messages?after={screen['last']}")
    assert later["messages"] == []


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "090-1234-5678"}, 21211),
        ({"To": "+81312345678"}, 21635),
        ({"From": ""}, 21603),
        ({"From": "+12025550199"}, 21606),
        ({"Body": ""}, 21619),
        ({"Body": "あ" * 1601}, 21617),
        ({"StatusCallback": "http://my_host/hooks"}, 21609),
        ({"ValidityPeriod": "36001"}, 20001),
    ],
)
async def test_what_the_platform_refuses_is_refused_with_its_code(
    twilio: Twilio, form: dict[str, str], code: int
) -> None:
    status, body = await twilio.send(**form)

    assert (status, body["status"], body["code"]) == (400, 400, code)
    assert body["more_info"].endswith(f"/{code}")
    assert (await twilio.look("truth/summary"))["messages"] == 0


@pytest.mark.parametrize("login", [None, BasicAuth(SID, "wrong")])
async def test_a_call_without_the_right_login_is_refused(twilio: Twilio, login: BasicAuth | None) -> None:
    async with twilio.client.post(LIST, data={}, auth=login) as response:
        body = await response.json()

    assert (response.status, body["code"]) == (401, 20003)


async def test_an_api_key_opens_the_account() -> None:
    key = BasicAuth("SK1", "secret")
    async with (
        running_twilio(api_keys={"SK1": "secret"}) as twilio,
        twilio.client.get(LIST, auth=key) as response,
    ):
        assert response.status == 200


async def test_another_account_is_not_found(twilio: Twilio) -> None:
    status, body = await twilio.call(LIST.replace(SID, "AC" + "b" * 32))

    assert (status, body["code"]) == (404, 20404)


async def test_a_number_known_as_a_landline_is_refused(twilio: Twilio) -> None:
    await twilio.control(f"numbers/{PHONE}", {"behaviour": "landline", "error_code": 21614})

    assert (await twilio.send())[1]["code"] == 21614


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [("undelivered", "undelivered", 30003), ("blocked", "undelivered", 30004), ("failed", "failed", 30008)],
)
async def test_a_message_that_does_not_arrive_ends_with_its_code(
    twilio: Twilio, behaviour: str, status: str, code: int
) -> None:
    await twilio.control(f"numbers/{PHONE}", {"behaviour": behaviour})
    _, made = await twilio.send()
    await twilio.idle()

    ended = await twilio.one(made["sid"])
    assert (ended["status"], ended["error_code"]) == (status, code)
    assert (await twilio.look(f"phones/{PHONE}/messages"))["messages"] == []


async def test_a_number_without_receipts_stays_sent(twilio: Twilio) -> None:
    await twilio.control(f"numbers/{PHONE}", {"behaviour": "no_receipt"})
    _, made = await twilio.send()
    await twilio.idle()

    assert (await twilio.one(made["sid"]))["status"] == "sent"


async def test_the_same_call_twice_is_two_messages(twilio: Twilio) -> None:
    await twilio.send()
    await twilio.send()

    assert (await twilio.look("truth/summary"))["most_per_number"] == 2


async def test_the_list_is_newest_first_and_by_number(twilio: Twilio) -> None:
    await twilio.send(Body="一通目")
    await twilio.send(Body="よその人へ", To=OTHER_PHONE)
    await twilio.send(Body="二通目")

    _, page = await twilio.call(f"{LIST}?To=%2B{PHONE[1:]}")

    assert [m["body"] for m in page["messages"]] == ["二通目", "一通目"]


async def test_pages_follow_each_other_without_gaps(twilio: Twilio) -> None:
    for number in range(5):
        await twilio.send(Body=str(number))

    bodies, path = [], f"{LIST}?PageSize=2&To=%2B{PHONE[1:]}"
    while path:
        _, page = await twilio.call(path)
        bodies += [m["body"] for m in page["messages"]]
        path = page["next_page_uri"]

    assert bodies == ["4", "3", "2", "1", "0"]


async def test_a_filter_by_date_misses_what_is_still_queued() -> None:
    async with running_twilio(**SLOW) as twilio:
        await twilio.control("clock", {"now": "2026-12-10T10:00:00+09:00"})
        await twilio.send()
        _, page = await twilio.call(f"{LIST}?DateSent=2026-12-10")

    assert page["messages"] == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("DateSent=2026-12-10", 1),
        ("DateSent=2026-12-11", 0),
        ("DateSent%3E=2026-12-10", 1),
        ("DateSent%3C=2026-12-09", 0),
    ],
)
async def test_sent_messages_are_found_by_date_in_gmt(twilio: Twilio, query: str, count: int) -> None:
    await twilio.control("clock", {"now": "2026-12-11T08:59:00+09:00"})
    await twilio.send()
    await twilio.idle()

    _, page = await twilio.call(f"{LIST}?{query}")

    assert len(page["messages"]) == count


async def test_a_list_may_lag_behind_while_a_fetch_does_not(twilio: Twilio) -> None:
    await twilio.control("lists", {"list_lag_seconds": 3})
    _, made = await twilio.send()

    assert (await twilio.call(LIST))[1]["messages"] == []
    assert (await twilio.one(made["sid"]))["sid"] == made["sid"]
    await twilio.control("clock", {"offset_seconds": 4})
    assert len((await twilio.call(LIST))[1]["messages"]) == 1


async def test_a_message_can_be_emptied_and_deleted(twilio: Twilio) -> None:
    _, made = await twilio.send()
    await twilio.idle()
    path = LIST.replace(".json", f"/{made['sid']}.json")

    assert (await twilio.call(path, method="POST", Body=""))[1]["body"] == ""
    assert (await twilio.call(path, method="DELETE"))[0] == 204
    assert (await twilio.call(path))[0] == 404


async def test_a_drop_after_the_work_leaves_a_message_behind(twilio: Twilio) -> None:
    rule = {"path": "*/Messages.json", "method": "POST", "kind": "drop_after", "times": 1}
    await twilio.control("faults", {"rules": [rule]})

    with pytest.raises(aiohttp.ClientError):
        await twilio.send()

    assert len((await twilio.call(LIST))[1]["messages"]) == 1


async def test_too_many_requests_are_not_processed(twilio: Twilio) -> None:
    await twilio.control("faults", {"rules": [{"kind": "429", "times": 1}]})

    status, body = await twilio.send()

    assert (status, body["code"]) == (429, 20429)
    assert (await twilio.look("truth/summary"))["messages"] == 0


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("あ" * 70, 1),
        ("あ" * 71, 2),
        ("あ" * 134, 2),
        ("あ" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 67, 3),
    ],
)
def test_segments_are_counted_as_carriers_count_them(text: str, segments: int) -> None:
    assert count_segments(text) == segments


async def test_the_official_client_sends_lists_and_sees_the_code(twilio: Twilio) -> None:
    http = AsyncTwilioHttpClient()
    client = Client(SID, TOKEN, http_client=http)
    client.api.base_url = str(twilio.client.make_url("")).rstrip("/")
    try:
        sent = await client.messages.create_async(to=PHONE, from_=SENDER, body="公式SDKから")
        await client.messages.create_async(to=PHONE, from_=SENDER, body="もう一通")
        found = await client.messages.list_async(to=PHONE, page_size=1)

        with pytest.raises(TwilioRestException) as refused:
            await client.messages.create_async(to="+81312345678", from_=SENDER, body="a")
    finally:
        await http.close()
    assert [message.body for message in found] == ["もう一通", "公式SDKから"]
    assert found[1].sid == sent.sid
    assert refused.value.code == 21635
