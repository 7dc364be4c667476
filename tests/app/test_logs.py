"""What reaches the log, line by line: no telephone number, no token, no card number, whoever logs."""

import asyncio
import gc
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from app.logs import configure_logs

PHONE, CARD, TOKEN = "+819012345678", "4242424242424242", "Zk3-_9qLmN0pQrStUvWxYz"
SECRETS = pytest.mark.parametrize("secret", [PHONE, "090-1234-5678", CARD, "4242 4242 4242 4242", TOKEN])


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Where the lines go."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before, lines = structlog.get_config(), StringIO()
    configure_logs(to=lines)
    yield lines
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def look_for(secret: str) -> None:
    raise LookupError(f"nobody has {secret}")


def only_line(log: StringIO) -> dict[str, Any]:
    [line] = log.getvalue().splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


@SECRETS
def test_a_value_of_an_event_is_blotted_out(log: StringIO, secret: str) -> None:
    structlog.get_logger().info(
        "job_done", note=f"about {secret}", found=[{"deep": secret}], problem=LookupError(secret)
    )

    assert only_line(log)["event"] == "job_done"
    assert secret not in log.getvalue()


@pytest.mark.parametrize("word", ["timetable_stands_still", "2026-11-28 00:50:05 UTC", "2026-11-28T00:50"])
def test_our_own_words_and_times_stay(log: StringIO, word: str) -> None:
    structlog.get_logger().info("job_done", note=f"about {word}")

    assert only_line(log)["note"] == f"about {word}"


@pytest.mark.parametrize("number", [int(PHONE), int(CARD)])
def test_a_number_is_blotted_out_like_its_digits(log: StringIO, number: int) -> None:
    structlog.get_logger().info("job_done", number=number, amount=9_999_999)

    assert (only_line(log)["number"], only_line(log)["amount"]) == ("[digits]", 9_999_999)


@SECRETS
def test_the_text_of_an_exception_is_blotted_out(log: StringIO, secret: str) -> None:
    try:
        look_for(secret)
    except LookupError:
        structlog.get_logger().exception("step_failed", step="inbox")

    assert "LookupError: nobody has [" in only_line(log)["exception"]
    assert secret not in log.getvalue()


@SECRETS
def test_a_message_of_a_library_is_blotted_out(log: StringIO, secret: str) -> None:
    logging.getLogger("library").warning("cannot reach %s at all", secret)

    assert only_line(log)["event"].startswith("cannot reach [")
    assert secret not in log.getvalue()


@SECRETS
def test_a_traceback_of_a_library_is_blotted_out(log: StringIO, secret: str) -> None:
    try:
        look_for(secret)
    except LookupError:
        logging.getLogger("library").exception("failed for %s", secret)

    assert "LookupError: nobody has [" in only_line(log)["exception"]
    assert secret not in log.getvalue()


async def test_what_asyncio_says_of_a_forgotten_task_is_blotted_out(log: StringIO) -> None:
    async def broken() -> None:
        raise LookupError(f"({PHONE}, {CARD})")

    asyncio.create_task(broken())  # noqa: RUF006 - nobody keeps it: that is what asyncio tells of
    await asyncio.sleep(0)
    gc.collect()

    assert "Task exception was never retrieved" in only_line(log)["event"]
    assert PHONE not in log.getvalue()
    assert CARD not in log.getvalue()


def test_an_event_of_ours_keeps_its_name_though_it_is_as_long_as_a_token(log: StringIO) -> None:
    structlog.get_logger().info("inbox_events_untouched")

    assert only_line(log)["event"] == "inbox_events_untouched"
