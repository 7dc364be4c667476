"""Doubtful SMS, odd LINE events: nobody is taken for told who is not, no neighbour is lost, no card number is kept."""

import base64
import hashlib
import hmac
import json

import aiohttp

from app.settings import SANDBOX_SECRET
from tests.kit.customer import Customer
from tests.kit.world import World

VISA = "4242 4242 4242 4242"


async def test_f52_a_lost_reminder_is_not_taken_for_the_one_of_three_days_before(world: World) -> None:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    for day in ("10", "15"):
        await world.go_to(f"2026-11-{day}T10:00")
        await world.rest()
    rule = {"path": "*/Messages.json", "method": "POST", "kind": "drop_before", "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [rule]})

    for moment in ("18T10:00", "18T10:02", "18T10:20", "18T10:40"):
        await world.go_to(f"2026-11-{moment}")
        await world.rest()

    assert len(await customer.inbox()) == 3
    assert await world.rows("SELECT DISTINCT state FROM notice") == [("delivered",)]


async def test_f52_what_may_have_been_sent_is_cleared_up_before_another_message_with_its_url_leaves(
    world: World,
) -> None:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    await world.rest()
    rule = {"path": "*/Messages.json", "method": "POST", "times": 1}
    for day, kind in ("15", "drop_before"), ("18", "drop_after"):  # one is lost, of the next only the answer
        await world.control(world.settings.twilio_api_base, "faults", {"rules": [{**rule, "kind": kind}]})
        await world.go_to(f"2026-11-{day}T10:00")  # nobody is at work between the two

    for moment in ("18T10:02", "18T10:20", "18T10:40", "18T11:10"):
        await world.go_to(f"2026-11-{moment}")
    await world.rest()

    arrived = len(await customer.inbox())
    told = "SELECT count(*), count(DISTINCT provider_message_id) FROM notice WHERE state = 'delivered'"
    assert await world.rows(told) == [(arrived, arrived)]
    assert await world.rows("SELECT DISTINCT state FROM notice WHERE kind = 'payment_link'") == [("delivered",)]


def event(serial: int, message: dict[str, object]) -> dict[str, object]:
    return {
        "type": "message",
        "mode": "active",
        "timestamp": 1793502000000 + serial,
        "webhookEventId": f"01HREVIEW{serial:017d}",
        "source": {"type": "user", "userId": "U" + "7" * 32},
        "replyToken": f"{serial:032x}",
        "deliveryContext": {"isRedelivery": False},
        "message": {"id": str(1000 + serial), **message},
    }


async def post(world: World, *events: dict[str, object]) -> int:
    body = json.dumps({"destination": "U" + "0" * 32, "events": list(events)}).encode()
    signature = base64.b64encode(hmac.digest(SANDBOX_SECRET.encode(), body, hashlib.sha256)).decode()
    headers = {"x-line-signature": signature, "Content-Type": "application/json"}
    url = f"{world.settings.public_base_url}/hooks/line"
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as answer:
        return answer.status


async def test_an_event_that_postgresql_cannot_hold_loses_none_of_its_neighbours(world: World) -> None:
    odd = event(1, {"type": "file", "fileName": "a\x00b\ud800.pdf", "fileSize": 1})

    status = await post(world, odd, event(2, {"type": "text", "text": "今月の金額"}))

    assert status == 200
    assert await world.rows("SELECT count(*) FROM inbox_event") == [(2,)]


async def test_f77_a_card_number_in_a_file_name_or_a_place_is_masked_before_it_is_written(world: World) -> None:
    await post(
        world,
        event(1, {"type": "file", "fileName": f"{VISA}.pdf", "fileSize": 1}),
        event(2, {"type": "location", "title": VISA, "address": VISA, "latitude": 35.0, "longitude": 139.0}),
    )

    bodies = "".join(row[0] for row in await world.rows("SELECT body::text FROM inbox_event"))
    assert "4242 4242" not in bodies
    assert "1001" in bodies


async def test_f52_a_reminder_that_was_never_sent_is_not_sent_again_to_who_has_paid_meanwhile(world: World) -> None:
    customer = Customer(world=world, number="0012345678", phone="09012345678", line_user=None)
    await world.import_bills(customer.bill("2026-11", 8432, confirmed="2026-11-08"))
    await world.go_to("2026-11-10T10:00")
    url = (await customer.urls())[0]
    rule = {"path": "*/Messages.json", "method": "POST", "kind": "drop_before", "times": 1}
    await world.control(world.settings.twilio_api_base, "faults", {"rules": [rule]})
    await world.go_to("2026-11-15T10:00")
    await customer.pay(url)
    await world.go_to("2026-11-15T10:20")
    await world.go_to("2026-11-15T10:40")
    await world.rest()
    assert not any("ご容赦" in m for m in await customer.inbox())
