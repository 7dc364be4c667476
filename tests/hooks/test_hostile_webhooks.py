"""Signed and yet hostile or broken webhooks of all three providers: refused or kept, never an error of ours (f74, I11).

Whatever one event holds, its neighbours are stored, the queue goes on, and the same thing said again changes nothing.
"""

import itertools
import json
from typing import Any

import pytest

from tests.hooks.test_line_hook import ANNA, event, post, webhook
from tests.hooks.test_twilio_and_gateway_hooks import INBOUND, forged_success, post_gateway, post_twilio
from tests.kit.customer import Customer
from tests.kit.world import World

DIGITS = "9" * 5_000
DEEP = '{"a":' * 300 + "1" + "}" * 300  # more than that is no JSON to Python's reader: a 400
LONG = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(4_000))  # longer than an index row may be
ODD_VALUES = ("null", "true", "[]", "{}", '""', "NaN", "Infinity", "-1e400", "1e308", '"\\u0000"', '"\\ud800"', DEEP)
OTHER_BODIES = (
    f'{{"events": [], "n": {DIGITS}}}'.encode(),
    b'{"events": [], "a": 1, "a": 2}',
    '{"events": []}'.encode("utf-16"),
    b'{"events": []}\x00',
    b'"events"',
    b"NaN",
    b"{" * 200_000,
)
OBJECT = "data.object"
GATEWAY_PLACES = ("id", "type", "created", "data", OBJECT, f"{OBJECT}.metadata", f"{OBJECT}.metadata.attempt_id")


LINE_PLACES = ("webhookEventId", "timestamp", "source", "source.userId", "message", "message.text", "replyToken")


def _with(holder: Any, place: str) -> Any:
    """The same object with a mark at `place`, for raw JSON that Python's writer would not write."""
    copy = json.loads(json.dumps(holder))
    *way, last = place.split(".")
    inner = copy
    for name in way:
        inner = inner[name]
    inner[last] = "@odd@"
    return copy


async def test_f74_an_odd_value_anywhere_in_a_line_event_costs_no_neighbour(world: World) -> None:
    serial = 0
    for place, raw in itertools.product(LINE_PLACES, (*ODD_VALUES, json.dumps(LONG))):
        serial += 10
        before, after = f"U{serial:032x}", f"U{serial + 5:032x}"
        odd = _with(event(serial + 1, before, "二"), place)
        body = webhook(event(serial, before, "一"), odd, event(serial + 2, after, "三"))
        status = await post(world, body.replace(b'"@odd@"', raw.encode()))
        assert status == 200, (place, raw[:20])

    await _work_until_nothing_moves(world)
    told = await world.rows("SELECT m.text, count(*) FROM chat_message m WHERE m.text IN ('一', '三') GROUP BY 1")
    assert dict(map(tuple, told)) == {"一": serial // 10, "三": serial // 10}


async def _work_until_nothing_moves(world: World) -> None:
    """Also through the pauses of an event that cannot be applied, until it is put aside."""
    for moment in ("12:00:10", "12:00:30", "12:02", "12:10", "12:20"):
        await world.go_to(f"2026-11-01T{moment}")
    await world.rest()
    left = await world.rows("SELECT event_id, state FROM inbox_event WHERE state NOT IN ('done', 'quarantined')")
    assert left == []


async def test_f22_an_event_that_can_never_be_applied_is_put_aside_for_people_and_the_queue_goes_on(
    world: World,
) -> None:
    await post(world, webhook(event(1, ANNA, "一")))
    await world.rows("UPDATE inbox_event SET body = '[]' RETURNING id")  # as nothing that passes the hook would be
    await post(world, webhook(event(2, ANNA, "二")))

    await _work_until_nothing_moves(world)

    assert await world.rows("SELECT state FROM inbox_event ORDER BY event_id") == [("quarantined",), ("done",)]
    assert await world.rows("SELECT kind FROM staff_task ORDER BY kind") == [
        ("event_quarantined",),
        ("unreachable",),  # LINE knows no such user: the answer to the second one did not arrive
    ]


async def test_f22_events_without_their_parts_hold_up_nobody(world: World) -> None:
    odd = [{**event(number, ANNA, "一"), "type": kind} for number, kind in enumerate(("unsend", "postback"), start=1)]
    odd += [{**event(3, ANNA, "一"), "message": "一"}, {**event(4, ANNA, "一"), "replyToken": [1]}]
    await post(world, webhook(*odd, event(5, ANNA, "二")))

    await world.rest()

    assert await world.rows("SELECT DISTINCT state FROM inbox_event") == [("done",)]


async def test_f74_a_body_of_any_bytes_is_welcome_or_a_400(world: World) -> None:
    for body in OTHER_BODIES:
        assert await post(world, body) in {200, 400}, body[:20]
        assert await post_gateway(world, body) == 400, body[:20]


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_f72_a_body_larger_than_a_megabyte_is_refused_at_every_hook(world: World) -> None:
    huge = b"x" * (1024 * 1024 + 1)

    assert await post(world, huge) == 413
    assert await post_gateway(world, huge) == 413
    assert await post_twilio(world, "/hooks/twilio/sms", {**INBOUND, "Body": "x" * (1024 * 1024)}) == 413


async def test_f74_an_odd_value_anywhere_in_a_gateway_event_is_kept_or_a_400(world: World) -> None:
    good = json.loads(forged_success("7c1d5a52-2b8e-4a4e-9f55-2a9f9ac0f0aa"))
    raws = (*ODD_VALUES, json.dumps(LONG), DIGITS[:4_000])
    for serial, (place, raw) in enumerate(itertools.product(GATEWAY_PLACES, raws)):
        body = json.dumps(_with({**good, "id": f"evt_{serial}"}, place)).replace('"@odd@"', raw)
        assert await post_gateway(world, body.encode()) in {200, 400}, (place, raw[:20])

    await _work_until_nothing_moves(world)


async def test_f74_an_odd_value_in_a_twilio_form_is_kept_or_a_400(world: World) -> None:
    names = ("MessageSid", "From", "To", "Body", "FromCity", "MessageStatus", "ErrorCode")
    values = ("", "\x00", "\x1b[2J\r\n", LONG, DIGITS, "+8190\u202e12345678", "𠮷🏠")
    for serial, (name, value) in enumerate(itertools.product(names, values)):
        fields = {**INBOUND, "MessageStatus": "delivered", "MessageSid": f"SM{serial}", name: value}
        for path in ("/hooks/twilio/sms", "/hooks/twilio/status?ref=%00x"):
            assert await post_twilio(world, path, fields) in {200, 400}, (name, value[:20], path)

    await _work_until_nothing_moves(world)


async def test_f96_a_signed_request_that_is_replayed_days_later_does_nothing_again(world: World) -> None:
    line, gateway = webhook(event(1, ANNA, "一")), forged_success("7c1d5a52-2b8e-4a4e-9f55-2a9f9ac0f0aa")
    for day in ("02", "09"):
        await world.go_to(f"2026-11-{day}T12:00")
        assert await post(world, line) == 200
        assert await post_gateway(world, gateway) == 200
        assert await post_twilio(world, "/hooks/twilio/sms", INBOUND) == 200
        await world.rest()

    assert await world.rows("SELECT count(*) FROM inbox_event WHERE source IN ('line', 'gateway', 'twilio_sms')") == [
        (3,)
    ]
    assert await world.rows("SELECT count(*) FROM notice WHERE kind = 'reply'") == [(2,)]


async def test_f54_an_older_block_that_comes_after_a_newer_follow_changes_nothing(world: World) -> None:
    def told(kind: str, serial: int, at: int) -> dict[str, Any]:
        return {**event(serial, ANNA, "", at=at), "type": kind}

    await world.control(world.settings.line_api_base, "users/bulk", {"userIds": [ANNA]})
    await post(world, webhook(told("follow", 1, 20)))
    await world.rest()
    await post(world, webhook(told("unfollow", 2, 10)))
    await world.rest()

    assert await world.rows("SELECT is_blocked FROM line_user WHERE line_user_id = :id", id=ANNA) == [(False,)]


async def test_f54_receipts_out_of_order_and_twice_leave_the_message_delivered(world: World) -> None:
    hanako = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(hanako.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.control(
        world.settings.twilio_api_base, f"numbers/{hanako.e164.replace('+', '%2B')}", {"behaviour": "no_receipt"}
    )
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    [(sid, key)] = await world.rows("SELECT provider_message_id, key FROM notice")

    for status in ("delivered", "queued", "undelivered", "delivered", "sent"):
        receipt = {"MessageSid": sid, "MessageStatus": status, "To": hanako.e164}
        assert await post_twilio(world, f"/hooks/twilio/status?ref={key}", receipt) == 200
    await world.rest()

    assert await world.rows("SELECT state FROM notice") == [("delivered",)]
    assert await world.rows("SELECT kind FROM staff_task") == []
