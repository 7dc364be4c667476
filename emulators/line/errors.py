"""How the Messaging API says no."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from emulators.line.validation.checks import Invalid

INVALID_REPLY_TOKEN = "Invalid reply token"  # noqa: S105 - an error message
FAILED_TO_SEND = "Failed to send messages"
MONTHLY_LIMIT = "You have reached your monthly limit."
RATE_LIMIT = "The API rate limit has been exceeded. Try again later."
UNAUTHENTICATED = "Authentication failed. Confirm that the access token in the authorization header is valid."
NOT_FOUND = "Not found"


class Refused(Exception):  # noqa: N818 - an answer of the platform, not our failure
    """An answer other than success: HTTP status, message, details."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        details: tuple[dict[str, str], ...] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


def refused_for(problem: Invalid) -> Refused:
    """Return the 400 that names the first thing wrong with a request body."""
    detail = {"message": problem.message, "property": problem.property}
    return Refused(400, "The request body has 1 error(s)", details=(detail,))


def answer(status: int, body: Mapping[str, Any]) -> web.Response:
    """Return a JSON answer."""
    data = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(status=status, body=data, content_type="application/json")


def refusal(problem: Refused) -> web.Response:
    """Return the answer that a refusal is told with."""
    body: dict[str, Any] = {"message": problem.message}
    if problem.details:
        body["details"] = list(problem.details)
    response = answer(problem.status, body | problem.extra)
    response.headers.update(problem.headers)
    return response


class LineErrors:
    """The errors of a platform in trouble (what faults answer)."""

    def internal(self) -> web.Response:
        """Return a 500."""
        return answer(500, {"message": "Internal server error"})

    def too_many(self) -> web.Response:
        """Return a 429 for the rate limit."""
        return answer(429, {"message": RATE_LIMIT})

    def unauthorized(self) -> web.Response:
        """Return a 401: the channel access token is not known."""
        return answer(401, {"message": UNAUTHENTICATED})
