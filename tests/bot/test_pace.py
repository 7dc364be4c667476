"""The pace of a channel, in what its provider counts."""

import json

import pytest
from aiolimiter import AsyncLimiter

from backend.domain.states import ChannelName
from bot.notifier import NEWS, Stream

ONE, TWO = {"body": "あ" * 70}, {"body": "あ" * 71}


@pytest.mark.parametrize(
    ("channel", "payload", "turns"),
    [
        (ChannelName.SMS, ONE, 1),
        (ChannelName.SMS, TWO, 2),
        (ChannelName.LINE, {"messages": [{"type": "text", "text": "あ" * 500}]}, 1),
    ],
)
async def test_an_sms_of_two_segments_takes_two_turns(
    channel: ChannelName, payload: dict[str, object], turns: int
) -> None:
    limit = AsyncLimiter(5, time_period=3600)

    await Stream(channel=channel, priorities=NEWS, limit=limit).wait_for_turn(json.dumps(payload))

    assert (limit.has_capacity(5 - turns), limit.has_capacity(6 - turns)) == (True, False)
