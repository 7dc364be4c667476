"""Twilio's and the gateway's webhooks at our door (f26, f27, f53, f54, f56)."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from app.settings import SANDBOX_SECRET
from tests.kit.customer import Customer
from tests.kit.world import World

INBOUND = {"MessageSid": "SM1", "From": "+819012345678", "To": "+815000000000", "Body": "メニュー", "FromCity": ""}


async def post_twilio(
    world: World, path: str, fields: dict[str, str], signature: str | None = None, *, host: str | None = None
) -> int:
    url = world.settings.public_base_url + path
    signed = RequestValidator(SANDBOX_SECRET).compute_signature(url, fields)
    headers = {
        "X-Twilio-Signature": signed if signature is None else signature,
        "Content-Type": "application/x-www-form-urlencoded",
        **({"Host": host} if host else {}),
    }
    async with world.http.post(url, data=urlencode(fields), headers=headers) as answer:
        if answer.status == 200:
            assert await answer.text() == "<Response/>"
        return answer.status


async def test_an_inbound_sms_is_answered_once_however_often_it_is_delivered(world: World) -> None:
    statuses = [await post_twilio(world, "/hooks/twilio/sms", INBOUND) for _ in range(2)]
    await world.rest()

    assert statuses == [200, 200]
    assert len(await world.rows("SELECT id FROM notice WHERE kind = 'reply' AND state = 'delivered'")) == 1


@pytest.mark.parametrize("sender", ["12345", "INFO", "+81"])
async def test_an_sms_of_a_machine_is_kept_and_not_answered(world: World, sender: str) -> None:
    assert await post_twilio(world, "/hooks/twilio/sms", {**INBOUND, "From": sender}) == 200
    await world.rest()

    assert await world.rows("SELECT text FROM chat_message") == [("メニュー",)]
    assert await world.rows("SELECT id FROM notice") == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.7:8080"])
async def test_a_signed_webhook_is_welcome_by_whatever_name_it_reached_us(world: World, host: str) -> None:
    assert await post_twilio(world, "/hooks/twilio/sms", INBOUND, host=host) == 200
    assert await world.rows("SELECT count(*) FROM inbox_event") == [(1,)]


@pytest.mark.parametrize("path", ["/hooks/twilio/sms", "/hooks/twilio/status"])
@pytest.mark.parametrize("signature", ["", "wrong"])
async def test_f56_an_unsigned_twilio_request_is_refused(world: World, path: str, signature: str) -> None:
    assert await post_twilio(world, path, INBOUND, signature) == 401
    assert await world.rows("SELECT id FROM inbox_event") == []


async def test_f53_an_undelivered_sms_becomes_a_task_for_people(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    behaviour = {"behaviour": "undelivered", "error_code": 30005}
    await world.control(world.settings.twilio_api_base, f"numbers/{hanako.e164.replace('+', '%2B')}", behaviour)

    await world.go_to("2026-11-10T10:00")
    await world.rest()

    assert await world.rows("SELECT state, failure FROM notice") == [("failed", "30005")]
    assert await world.rows("SELECT kind FROM staff_task") == [("unreachable",)]


async def test_a_late_sent_receipt_does_not_undo_a_delivered_one(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    [(sid, key)] = await world.rows("SELECT provider_message_id, key FROM notice")
    late = {"MessageSid": sid, "MessageStatus": "sent", "To": hanako.e164}

    await post_twilio(world, f"/hooks/twilio/status?ref={key}", late)
    await world.rest()

    assert await world.rows("SELECT state FROM notice") == [("delivered",)]


async def post_gateway(world: World, body: bytes, *, secret: str = SANDBOX_SECRET, name: str = "sandbox") -> int:
    digest = hmac.new(secret.encode(), b"1793000000." + body, hashlib.sha256).hexdigest()
    headers = {"Gateway-Signature": f"t=1793000000,v1={digest}"}
    url = f"{world.settings.public_base_url}/hooks/gateway/{name}"
    async with world.http.post(url, data=body, headers=headers) as answer:
        return answer.status


def forged_success(attempt_id: str) -> bytes:
    charge = {"id": "ch_1", "status": "succeeded", "metadata": {"attempt_id": attempt_id}}
    event = {"id": "evt_1", "type": "charge.succeeded", "created": 1793000000, "data": {"object": charge}}
    return json.dumps(event).encode()


async def test_f27_a_notification_with_a_wrong_signature_is_refused_and_nothing_stored(world: World) -> None:
    body = forged_success("7c1d5a52-2b8e-4a4e-9f55-2a9f9ac0f0aa")

    assert await post_gateway(world, body, secret="wrong") == 401
    assert await post_gateway(world, body, name="other") == 404
    assert await world.rows("SELECT id FROM inbox_event") == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id": 1}', b"\xff"])
async def test_f74_a_signed_nonsense_notification_is_a_400(world: World, body: bytes) -> None:
    assert await post_gateway(world, body) == 400


async def test_f27_a_signed_notification_is_only_a_hint_the_gateway_is_asked(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await hanako.pay((await hanako.urls())[0], card="4000000000000341")
    [(attempt_id,)] = await world.rows("SELECT id FROM payment_attempt")

    await post_gateway(world, forged_success(str(attempt_id)))
    await world.rest()

    assert await world.rows("SELECT state FROM payment_attempt") == [("declined",)]
    assert await world.rows("SELECT state FROM bill") == [("requested",)]


async def test_f32_an_event_of_the_gateways_own_console_is_welcome(world: World) -> None:
    assert await post_gateway(world, forged_success("made by hand")) == 200

    await world.rest()

    assert await world.rows("SELECT state FROM inbox_event WHERE event_id = 'evt_1'") == [("done",)]
