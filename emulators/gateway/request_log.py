"""What the API was asked: counts by route and the last requests, without card numbers."""

import json
import re
from collections import Counter, deque
from dataclasses import dataclass

from aiohttp import web

from emulators.gateway.card_form import passes_luhn
from emulators.gateway.records import Json

KEPT_REQUESTS = 500
CARD_LIKE = re.compile(r"(?<![0-9A-Za-z-])[3-6][0-9]{13,15}(?![0-9A-Za-z-])")


@dataclass(slots=True, kw_only=True)
class Received:
    """One request; `status` stays None while it runs and when no answer was sent."""

    at: int
    method: str
    path: str
    key: str | None
    body: bytes
    status: int | None = None

    def as_json(self) -> Json:
        """Return the request as `/_control/requests` shows it."""
        return {
            "at": self.at,
            "method": self.method,
            "path": without_card_numbers(self.path),
            "idempotency_key": self.key,
            "body": _readable(self.body),
            "status": self.status,
        }


class RequestLog:
    """Counts every request and keeps the last ones."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.last: deque[Received] = deque(maxlen=KEPT_REQUESTS)

    def note(self, request: web.Request, *, body: bytes, at: int) -> Received:
        """Enter a request that has just come in."""
        self.counts[f"{request.method} {_route_of(request)}"] += 1
        received = Received(
            at=at,
            method=request.method,
            path=request.rel_url.path_qs,
            key=request.headers.get("Idempotency-Key"),
            body=body,
        )
        self.last.append(received)
        return received


def without_card_numbers(text: str) -> str:
    """Return `text` with everything that looks like a card number blotted out."""
    return CARD_LIKE.sub(_blot, text)


def _blot(match: re.Match[str]) -> str:
    return "[card number]" if passes_luhn(match[0]) else match[0]


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "(unknown)"


def _readable(body: bytes) -> object:
    text = without_card_numbers(body.decode("utf-8", errors="replace"))
    try:
        parsed: object = json.loads(text) if text else None
    except ValueError:
        return text
    return parsed
