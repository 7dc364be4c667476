"""Structured JSON logs without phone numbers, tokens or card-like digits: one line an event."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

# Phones in any spelling, card-like runs, 22-character tokens, LINE user ids, mail addresses. Not the beginning of a
# time, and no name of ours in small letters (a token of such letters alone comes once in 10^8).
_SECRETS = (
    (re.compile(r"(\b20\d\d-\d\d-\d\d[ T]\d\d:)|\+?\d[\d\- ]{8,17}\d"), lambda found: found[1] or "[digits]"),
    (re.compile(r"\bU[0-9a-f]{32}\b"), "[line user]"),
    (re.compile(r"(?<![\w-])(?![a-z_]{22}(?![\w-]))[A-Za-z0-9_-]{22}(?![\w-])"), "[token]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "[mail]"),
    (re.compile(r"(Bearer|Basic)\s+\S+"), "[authorization]"),
)
# Our own identifiers, which staff need to find a case; they are digits but nobody's secret.
_PLAIN_KEYS = {"timestamp", "level", "order_number", "transaction_id", "job", "run_on", "request_id"}
# How our own events are called. Libraries put whole sentences there, with what they were working on.
_EVENT_NAME = re.compile(r"[a-z]+(_[a-z]+)*")
_MOST = 10**10  # no sum or number of ours is as long as that; telephone and card numbers are


def redact(text: str) -> str:
    """The text with everything that points at a person or opens a door blotted out."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {key: value if _is_plain(key, value) else _redact_value(value) for key, value in event.items()}


def _is_plain(key: str, value: object) -> bool:
    return key in _PLAIN_KEYS or (key == "event" and _EVENT_NAME.fullmatch(str(value)) is not None)


def _redact_value(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redact_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redact_value(each) for each in value]
    if isinstance(value, int):
        return value if abs(value) < _MOST else "[digits]"
    return value if value is None or isinstance(value, float) else redact(repr(value))


def configure_logs(*, to: TextIO = sys.stdout, level: str = "INFO") -> None:
    """Send structlog's and the standard library's events through the same redaction as JSON lines to `to`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(to),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
