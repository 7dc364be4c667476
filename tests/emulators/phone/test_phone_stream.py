import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp

from emulators.line.app import create_app as create_line
from emulators.phone.app import create_app
from tests.emulators.phone.phone_rig import LINKED, Rig, line_config
from tests.kit.servers import free_port, serving


async def events(response: aiohttp.ClientResponse, *, until: int) -> list[dict[str, Any]]:
    """The next events, each with its kind and id, up to that many entries."""
    found: list[dict[str, Any]] = []
    fields: dict[str, str] = {}
    async with asyncio.timeout(30):
        async for raw in response.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            fields |= {name: value} if name else {}
            if not name and "data" in fields:
                found.append({"kind": fields["event"], "id": fields["id"], **json.loads(fields["data"])})
                fields = {}
            if sum(event["kind"] == "entry" for event in found) >= until:
                break
    return found


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [event["entry"]["message"]["text"] for event in found if event["kind"] == "entry"]


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


async def test_the_past_comes_first_and_then_what_is_new(rig: Rig) -> None:
    await rig.look(f"{rig.page}/api/setup")
    await rig.push(text("一"), text("二"))

    async with rig.session.get(f"{rig.page}/api/stream") as response:
        before = await events(response, until=2)
        await rig.push(text("三"))
        after = await events(response, until=1)

    assert texts(before) == ["一", "二"]
    assert texts(after) == ["三"]
    assert before[-1]["keys"] == ["c01"]
    assert "live" in {event["kind"] for event in after}


async def test_a_browser_that_comes_back_misses_and_repeats_nothing(rig: Rig) -> None:
    await rig.look(f"{rig.page}/api/setup")
    await rig.push(text("一"))
    async with rig.session.get(f"{rig.page}/api/stream") as response:
        mark = (await events(response, until=1))[-1]["id"]
    await rig.push(text("二"))

    headers = {"Last-Event-ID": mark}
    async with rig.session.get(f"{rig.page}/api/stream?after=0.0", headers=headers) as response:
        found = await events(response, until=1)

    assert texts(found) == ["二"]


async def test_a_page_older_than_the_emulators_is_told_to_forget(rig: Rig) -> None:
    await rig.look(f"{rig.page}/api/setup")
    await rig.push(text("一"))

    async with rig.session.get(f"{rig.page}/api/stream?after=900.0") as response:
        found = await events(response, until=1)

    assert {"kind": "forgotten", "channel": "line"}.items() <= found[0].items()
    assert texts(found) == ["一"]


async def test_sms_of_both_directions_arrive_in_order(rig: Rig) -> None:
    async with rig.session.get(f"{rig.page}/api/stream") as response:
        await rig.sms("お支払いはこちら")
        await rig.ask("/api/customers/c01/sms/messages", {"body": "金額は?"})
        found = await events(response, until=2)

    entries = [event["entry"] for event in found if event["kind"] == "entry"]
    assert [(entry["direction"], entry["body"]) for entry in entries] == [
        ("outbound", "お支払いはこちら"),
        ("inbound", "金額は?"),
    ]
    assert entries[1]["from"] == LINKED.phone


async def test_the_stream_goes_on_when_an_emulator_was_started_anew(rig: Rig) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    phone = create_app(config=replace(rig.config, line_base=base))
    async with serving(phone, free_port()) as page:
        async with serving(create_line(config=line_config(base=base, shop=rig.web)), port):
            await rig.look(f"{page}/api/setup")
            await rig.push(text("一"), base=base)
            response = await rig.session.get(f"{page}/api/stream")
            before = await events(response, until=1)
        async with serving(create_line(config=line_config(base=base, shop=rig.web)), port):
            await rig.look(f"{page}/api/setup")
            await rig.push(text("二"), base=base)
            after = await events(response, until=1)
            response.close()

    assert (texts(before), texts(after)) == (["一"], ["二"])
    assert "broken" in {event["kind"] for event in after}
