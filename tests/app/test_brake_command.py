"""`tsukibarai brake` as an operator meets it: what is stopped and why, stopping, letting go on."""

import sys
from pathlib import Path

import pytest

from tests.kit.commands import run


@pytest.mark.usefixtures("engine")
async def test_the_brake_is_pulled_shown_and_lifted_from_the_command_line(database_url: str) -> None:
    env = {"DATABASE_URL": database_url, "PATH": str(Path(sys.executable).parent)}
    who = ("--by", "Sato", "--note", "a look")

    before = await run("brake", env=env)
    pulled = await run("brake", "stop", *who, env=env)
    during = await run("brake", env=env)
    refused = await run("brake", "lift", "restore_gate", *who, env=env)
    lifted = await run("brake", "lift", "staff", *who, env=env)
    again = await run("brake", "lift", "staff", *who, env=env)

    assert [status for status, _ in (before, pulled, during, refused, lifted, again)] == [0, 0, 1, 1, 0, 1]
    assert "All charging is stopped." in pulled[1]
    assert "staff\tall\tsince" in during[1]
    assert '"note": "a look"' in during[1]
    assert "tsukibarai gate" in refused[1]
