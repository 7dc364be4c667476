"""A webhook with a wrong signature leaves nothing but a count (f56, invariant 13)."""

import pytest
from structlog.testing import capture_logs

from backend.web.refused_signatures import RefusedSignatures
from tests.kit.world import World

DOORS = ("line", "twilio/sms", "twilio/status", "gateway/sandbox")


@pytest.mark.parametrize("door", DOORS)
async def test_f56_a_refused_signature_is_counted_in_the_log_and_stored_nowhere(world: World, door: str) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            async with world.http.post(f"{world.settings.public_base_url}/hooks/{door}", data=b"{}") as answer:
                assert answer.status == 401

    counted = [(line["source"], line["count"]) for line in logs if line["event"] == "signature_refused"]
    assert counted == [(door.replace("sandbox", "{name}"), 1)]
    assert await world.rows("SELECT id FROM inbox_event") == []


def test_f56_a_flood_of_forgeries_writes_one_line_a_minute_with_the_running_count() -> None:
    seconds = [0.0]
    refused = RefusedSignatures(seconds=lambda: seconds[0])
    with capture_logs() as logs:
        for _ in range(1000):
            refused.count("line")
        seconds[0] = 61.0
        refused.count("line")
        refused.count("gateway/{name}")

    assert [(line["source"], line["count"]) for line in logs] == [("line", 1), ("line", 1001), ("gateway/{name}", 1)]
