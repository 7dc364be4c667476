import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from twilio.request_validator import RequestValidator

from tests.emulators.twilio_kit import PHONE, SENDER, SID, TOKEN, Twilio, running_twilio


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with running_twilio() as running:
        yield running


async def send_with_callback(twilio: Twilio, query: str = "ref=abc") -> str:
    _, made = await twilio.send(StatusCallback=f"{twilio.origin}/hooks/status?{query}")
    await twilio.idle()
    return str(made["sid"])


async def test_each_later_state_is_told_signed(twilio: Twilio) -> None:
    sid = await send_with_callback(twilio)

    assert twilio.service.statuses == ["sent", "delivered"]
    validator = RequestValidator(TOKEN)
    for path, headers, form in twilio.service.heard:
        url = twilio.origin + path
        assert validator.validate(url, form, headers["X-Twilio-Signature"])
        assert (form["MessageSid"], form["AccountSid"], form["To"]) == (sid, SID, PHONE)
        assert headers["I-Twilio-Idempotency-Token"]


async def test_the_callback_address_is_kept_byte_for_byte(twilio: Twilio) -> None:
    await send_with_callback(twilio, "ref=a%2Fb%20c&x=%E3%81%82")

    path, headers, form = twilio.service.heard[0]
    assert path == "/hooks/status?ref=a%2Fb%20c&x=%E3%81%82"
    signature = headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(twilio.origin + path, form, signature)


async def test_a_failure_carries_its_code(twilio: Twilio) -> None:
    await twilio.control(f"numbers/{PHONE}", {"behaviour": "undelivered", "error_code": 30005})
    await send_with_callback(twilio)

    assert twilio.service.statuses == ["sent", "undelivered"]
    assert twilio.service.heard[-1][2]["ErrorCode"] == "30005"


async def test_a_message_of_a_service_begins_accepted(twilio: Twilio) -> None:
    service = "MG" + "c" * 32
    url = f"{twilio.origin}/hooks/status"
    _, made = await twilio.send(From="", MessagingServiceSid=service, StatusCallback=url)
    await twilio.idle()

    assert (made["status"], made["from"], made["num_segments"]) == ("accepted", None, "0")
    assert twilio.service.statuses == ["queued", "sent", "delivered"]
    assert (await twilio.one(made["sid"]))["from"] == SENDER


async def test_duplicates_carry_the_same_token(twilio: Twilio) -> None:
    await twilio.control("callbacks", {"duplicate": 1})
    await send_with_callback(twilio)

    tokens = [headers["I-Twilio-Idempotency-Token"] for _, headers, _ in twilio.service.heard]
    assert (len(tokens), len(set(tokens))) == (4, 2)


async def test_shuffled_callbacks_arrive_out_of_order(twilio: Twilio) -> None:
    await twilio.control("callbacks", {"shuffle": True})
    await send_with_callback(twilio)

    assert twilio.service.statuses == ["delivered", "sent"]


async def test_switched_off_callbacks_are_lost_and_counted(twilio: Twilio) -> None:
    await twilio.control("callbacks", {"enabled": False})
    sid = await send_with_callback(twilio)

    assert twilio.service.heard == []
    assert (await twilio.look("truth/summary"))["callbacks_lost"] == 2
    assert (await twilio.one(sid))["status"] == "delivered"


async def test_a_callback_that_reaches_nobody_is_tried_once_more(twilio: Twilio) -> None:
    await twilio.send(StatusCallback="http://127.0.0.1:9/status")
    await twilio.idle()

    truth = await twilio.look("truth")
    sent = [c for c in truth["callbacks"] if c["message_status"] == "sent"]
    assert [callback["status"] for callback in sent] == [0, 0]
    assert len({callback["token"] for callback in sent}) == 1


async def test_what_a_customer_writes_arrives_signed_with_blank_fields(twilio: Twilio) -> None:
    await twilio.control("inbound", {"from": PHONE, "body": " 今月の金額 "})
    await twilio.idle()

    path, headers, form = twilio.service.heard[0]
    assert (form["Body"], form["From"], form["To"]) == (" 今月の金額 ", PHONE, SENDER)
    assert (form["FromCity"], form["SmsStatus"]) == ("", "received")
    validator = RequestValidator(TOKEN)
    assert validator.validate(twilio.origin + path, form, headers["X-Twilio-Signature"])
    screen = await twilio.look(f"phones/{PHONE}/messages")
    assert [m["direction"] for m in screen["messages"]] == ["inbound"]


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        (("text/xml", "<Response/>"), []),
        (("text/plain", ""), []),
        (("text/plain", "OK"), ["OK"]),
        (("text/xml", "<Response><Message>はい</Message></Response>"), ["はい"]),
        (("text/xml", "<Response><Message><Body>はい</Body></Message></Response>"), ["はい"]),
        (("text/html", "<p>error</p>"), []),
    ],
)
async def test_an_answer_with_words_is_sent_to_the_customer(
    twilio: Twilio, answer: tuple[str, str], texts: list[str]
) -> None:
    twilio.service.answer = answer
    await twilio.control("inbound", {"from": PHONE, "body": "?"})
    await twilio.idle()

    screen = await twilio.look(f"phones/{PHONE}/messages")
    answers = [m["body"] for m in screen["messages"] if m["direction"] == "outbound"]
    assert answers == texts


async def test_stop_ends_messages_until_start(twilio: Twilio) -> None:
    await twilio.control("inbound", {"from": PHONE, "body": "Stop "})
    refused = await twilio.send()
    await twilio.control("inbound", {"from": PHONE, "body": "START"})
    accepted = await twilio.send()

    assert (refused[0], refused[1]["code"]) == (400, 21610)
    assert accepted[0] == 201


async def test_the_stream_shows_what_appears_on_the_screen(twilio: Twilio) -> None:
    async with twilio.client.get(f"/_control/stream?number={PHONE}") as response:
        await twilio.send(Body="届きました")
        async with asyncio.timeout(30):
            lines = [line async for line in _until_data(response.content)]

    assert json.loads(lines[-1][6:])["body"] == "届きました"


async def _until_data(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for line in content:
        yield line
        if line.startswith(b"data: "):
            return


async def test_a_reset_forgets_everything(twilio: Twilio) -> None:
    await twilio.send()

    assert (await twilio.control("reset"))["messages"] == 0
