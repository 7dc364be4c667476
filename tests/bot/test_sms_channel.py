"""What Twilio may answer and list, as the channel reads it; the server says what each test lets it say."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from backend.ports import Accepted, Envelope, NotListed, NotNow, Refused, Unclear
from bot.channels.sms import SmsChannel, open_sms_channel
from tests.kit.servers import free_port, serving

TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
BODY = f"10月分のお支払い https://pay.example.jp/p/{TOKEN}"
ENVELOPE = Envelope(
    notice_id=1,
    key=UUID("7c1d5a52-2b8e-4a4e-9f55-2a9f9ac0f0aa"),
    address="+819012345678",
    payload={"body": BODY},
    first_sent_at=datetime(2026, 11, 10, 1, 0, tzinfo=UTC),
)
MESSAGES = "/2010-04-01/Accounts/AC1/Messages.json"


class OddTwilio:
    """Answers every call with `answer`."""

    def __init__(self) -> None:
        self.answer: tuple[int, str, dict[str, str]] = (201, '{"sid": "SM1"}', {})

    def lists(self, *messages: dict[str, Any]) -> None:
        page = {"messages": list(messages), "page": 0, "page_size": 50, "next_page_uri": None}
        self.answer = (200, json.dumps(page), {})

    async def handle(self, _request: web.Request) -> web.Response:
        status, body, headers = self.answer
        return web.Response(status=status, text=body, headers=headers)


@pytest.fixture
def twilio() -> OddTwilio:
    return OddTwilio()


@pytest.fixture
async def sms(twilio: OddTwilio) -> AsyncIterator[SmsChannel]:
    app, port = web.Application(), free_port()
    app.router.add_route("*", MESSAGES, twilio.handle)
    async with (
        serving(app, port),
        open_sms_channel(
            account_sid="AC1",
            auth_token="secret",
            sender="+815000000000",
            api_base=f"http://127.0.0.1:{port}",
            status_url="https://pay.example.jp/hooks/twilio/status",
        ) as channel,
    ):
        yield channel


def message(
    sid: str, body: str, status: str = "sent", created: str = "Tue, 10 Nov 2026 01:00:05 +0000"
) -> dict[str, Any]:
    return {"sid": sid, "body": body, "status": status, "to": ENVELOPE.address, "date_created": created}


@pytest.mark.parametrize("body", ["<html>created</html>", "[]", "null", ""])
async def test_f6_an_answer_that_cannot_be_read_leaves_the_sending_unclear(
    sms: SmsChannel, twilio: OddTwilio, body: str
) -> None:
    twilio.answer = (201, body, {})

    assert isinstance(await sms.send(ENVELOPE), Unclear)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, '{"sid": "SM1"}'),
        (201, "[]"),
        (400, '{"code": 21211, "status": 400}'),
        (401, '{"code": 20003, "status": 401}'),
        (429, '{"code": 20429, "status": 429}'),
        (500, '{"code": 20500, "status": 500}'),
    ],
)
async def test_every_answer_brings_twilios_name_of_the_call(
    sms: SmsChannel, twilio: OddTwilio, status: int, body: str
) -> None:
    twilio.answer = (status, body, {"Twilio-Request-Id": "RQ1"})
    assert (await sms.send(ENVELOPE)).provider_request_id == "RQ1"

    twilio.answer = (status, body, {})
    assert (await sms.send(ENVELOPE)).provider_request_id is None


@pytest.mark.parametrize("body", ["<html>listed</html>", "[]", "null"])
async def test_f52_a_list_that_cannot_be_read_teaches_nothing(sms: SmsChannel, twilio: OddTwilio, body: str) -> None:
    twilio.answer = (200, body, {})

    with pytest.raises(LookupError):
        await sms.find(ENVELOPE)


@pytest.mark.parametrize(
    ("status", "code", "meaning"), [(400, 21211, Refused), (503, 20503, Unclear), (400, 21606, NotNow)]
)
async def test_an_error_in_the_form_of_rfc_9457_means_what_its_status_and_code_say(
    sms: SmsChannel, twilio: OddTwilio, status: int, code: int, meaning: type
) -> None:
    problem = {"type": "https://twilio.com/x", "title": "x", "status": status, "code": code}
    twilio.answer = (status, json.dumps(problem), {})

    assert isinstance(await sms.send(ENVELOPE), meaning)


@pytest.mark.parametrize(
    ("said", "attempts", "seconds"),
    [({}, 1, 10), ({}, 3, 40), ({}, 30, 900), ({"Retry-After": "120"}, 1, 120), ({"Retry-After": "soon"}, 1, 10)],
)
async def test_after_too_many_calls_we_wait_as_long_as_twilio_says_and_longer_each_time(
    sms: SmsChannel, twilio: OddTwilio, said: dict[str, str], attempts: int, seconds: int
) -> None:
    twilio.answer = (429, json.dumps({"code": 20429, "message": "x", "status": 429}), said)

    outcome = await sms.send(replace(ENVELOPE, attempts=attempts))

    assert outcome == NotNow(reason="429", retry_after=seconds)


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        f"Sent from your Twilio trial account - {BODY}",
        f"10 gatsubun no oshiharai https://pay.example.jp/p/{TOKEN}",
    ],
)
async def test_f6_a_message_is_found_by_its_words_or_the_secret_of_its_url(
    sms: SmsChannel, twilio: OddTwilio, body: str
) -> None:
    twilio.lists(message("SM0", "another"), message("SM1", body))

    assert await sms.find(ENVELOPE) == Accepted(provider_message_id="SM1", is_with_carrier=True)


async def test_f52_an_older_message_with_the_same_url_is_not_taken_for_this_one(
    sms: SmsChannel, twilio: OddTwilio
) -> None:
    before = message("SM1", f"お知らせ https://pay.example.jp/p/{TOKEN}", created="Sat, 07 Nov 2026 01:00:00 +0000")
    twilio.lists(before, {**before, "sid": "SM2", "date_created": "junk"})

    assert await sms.find(ENVELOPE) == NotListed()


async def test_f53_a_message_whose_name_we_know_is_found_by_it_alone(sms: SmsChannel, twilio: OddTwilio) -> None:
    twilio.lists(message("SM2", BODY), message("SM1", "", status="delivered"))

    found = await sms.find(replace(ENVELOPE, message_id="SM1"))

    assert found == Accepted(provider_message_id="SM1", is_delivered=True)


async def test_f6_a_message_that_another_notice_has_become_is_not_this_one(sms: SmsChannel, twilio: OddTwilio) -> None:
    twilio.lists(message("SM1", BODY))

    assert await sms.find(replace(ENVELOPE, known_message_ids=frozenset({"SM1"}))) == NotListed()


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "S" * 3_000, "SM\n1"])
async def test_f74_what_the_database_could_not_hold_never_comes_out_of_the_channel(
    sms: SmsChannel, twilio: OddTwilio, odd: str
) -> None:
    twilio.answer = (201, json.dumps({"sid": odd}), {})
    assert await sms.send(ENVELOPE) == Unclear(reason="no sid")

    twilio.answer = (400, json.dumps({"code": odd, "status": 400}), {})
    refused = await sms.send(ENVELOPE)
    assert isinstance(refused, Refused)
    assert len(refused.reason.encode()) <= 200
    assert "\x00" not in refused.reason

    twilio.lists(message(odd, BODY))
    assert await sms.find(ENVELOPE) == Accepted(provider_message_id=None, is_with_carrier=True)
