"""How the Messages API says no, and what its codes mean."""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from aiohttp import web

_DOCS = "https://www.twilio.com/docs/errors"


class Code(IntEnum):
    """The error codes that this emulator uses."""

    BAD_REQUEST = 20001
    AUTHENTICATE = 20003
    NOT_FOUND = 20404
    TOO_MANY = 20429
    INTERNAL = 20500
    INVALID_TO = 21211
    SENDER_MISSING = 21603
    TO_MISSING = 21604
    INVALID_FROM = 21606
    INVALID_CALLBACK = 21609
    OPTED_OUT = 21610
    NOT_MOBILE = 21614
    BODY_TOO_LONG = 21617
    BODY_MISSING = 21619
    LANDLINE = 21635
    UNREACHABLE = 30003
    BLOCKED = 30004
    UNKNOWN_HANDSET = 30005
    LANDLINE_OR_CARRIER = 30006
    FILTERED = 30007
    UNKNOWN = 30008


MESSAGES: Mapping[int, str] = {
    Code.BAD_REQUEST: "Bad request",
    Code.AUTHENTICATE: "Authenticate",
    Code.NOT_FOUND: "The requested resource was not found",
    Code.TOO_MANY: "Too Many Requests",
    Code.INTERNAL: "An internal server error has occurred",
    Code.INVALID_TO: "Invalid 'To' Phone Number",
    Code.SENDER_MISSING: "A 'From' phone number is required.",
    Code.TO_MISSING: "A 'To' phone number is required.",
    Code.INVALID_FROM: "The 'From' phone number provided is not a valid message-capable number",
    Code.INVALID_CALLBACK: "The 'StatusCallback' URL is not a valid URL.",
    Code.OPTED_OUT: "Attempt to send to unsubscribed recipient",
    Code.NOT_MOBILE: "'To' number is not a valid mobile number",
    Code.BODY_TOO_LONG: "The concatenated message body exceeds the 1600 character limit",
    Code.BODY_MISSING: "A text message body or media urls must be specified.",
    Code.LANDLINE: "'To' number cannot be a landline",
    Code.UNREACHABLE: "Unreachable destination handset",
    Code.BLOCKED: "Message blocked",
    Code.UNKNOWN_HANDSET: "Unknown destination handset",
    Code.LANDLINE_OR_CARRIER: "Landline or unreachable carrier",
    Code.FILTERED: "Message filtered",
    Code.UNKNOWN: "Unknown error",
}


class Refused(Exception):  # noqa: N818 - an answer of the platform, not our failure
    """An answer other than success."""

    def __init__(self, code: int, *, status: int = 400, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.message = message or MESSAGES.get(code, "Error")


def answer(status: int, body: Mapping[str, Any]) -> web.Response:
    """Return a JSON answer."""
    data = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(status=status, body=data, content_type="application/json")


def refusal(problem: Refused) -> web.Response:
    """Return the answer that a refusal is told with."""
    body = {
        "code": problem.code,
        "message": problem.message,
        "more_info": f"{_DOCS}/{problem.code}",
        "status": problem.status,
    }
    return answer(problem.status, body)


class TwilioErrors:
    """The errors of a platform in trouble (what faults answer)."""

    def internal(self) -> web.Response:
        """Return a 500: the outcome of the call is unknown."""
        return refusal(Refused(Code.INTERNAL, status=500))

    def too_many(self) -> web.Response:
        """Return a 429: the call was not processed."""
        return refusal(Refused(Code.TOO_MANY, status=429))

    def unauthorized(self) -> web.Response:
        """Return a 401: the account or its key is not known."""
        return refusal(Refused(Code.AUTHENTICATE, status=401))
