"""Webhook events: their bodies, their signature, and the record of every try."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from emulators.gateway.records import Json


class EventType(StrEnum):
    """What webhooks tell."""

    REGISTRATION_SUCCEEDED = "registration.succeeded"
    REGISTRATION_DECLINED = "registration.declined"
    CHARGE_SUCCEEDED = "charge.succeeded"
    CHARGE_DECLINED = "charge.declined"
    CHARGE_CANCELED = "charge.canceled"
    CHARGE_REQUIRES_ACTION = "charge.requires_action"
    REFUND_SUCCEEDED = "refund.succeeded"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_WON = "dispute.won"
    DISPUTE_LOST = "dispute.lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One POST to the receiver: its status, or the name of the error that came instead."""

    at: int
    status: int | None
    error: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Tell whether the receiver took the event."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - any 2xx


@dataclass(slots=True, kw_only=True)
class Event:
    """An event and how its delivery went; the body is dropped once nobody needs it."""

    id: str
    type: EventType
    object_id: str
    created: int
    body: bytes
    copies: int
    tries: list[Try] = field(default_factory=list)

    @property
    def times_delivered(self) -> int:
        """Return how many copies the receiver took."""
        return sum(1 for one in self.tries if one.is_accepted)

    def note(self, one: Try) -> None:
        """Record a try."""
        self.tries.append(one)
        if self.times_delivered >= self.copies:
            self.body = b""

    def as_json(self) -> Json:
        """Return the event as `/_control/truth` shows it."""
        return {
            "id": self.id,
            "type": self.type,
            "object": self.object_id,
            "created": self.created,
            "times_delivered": self.times_delivered,
            "tries": [{"at": one.at, "status": one.status, "error": one.error} for one in self.tries],
        }


def new_event(*, event_type: EventType, subject: Json, created: int, copies: int) -> Event:
    """Return the event that tells about `subject`, which has the id of its object."""
    event_id = f"evt_{secrets.token_hex(12)}"
    body = {"id": event_id, "type": event_type, "created": created, "data": {"object": subject}}
    return Event(
        id=event_id,
        type=event_type,
        object_id=str(subject["id"]),
        created=created,
        body=json.dumps(body, ensure_ascii=False).encode(),
        copies=copies,
    )


def signature(*, secret: str, body: bytes, at: int) -> str:
    """Return the value of `Gateway-Signature` for `body` sent at `at` (Unix seconds)."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def spoilt(value: str) -> str:
    """Return a signature that looks like `value` but is wrong."""
    return value[:-1] + ("0" if value[-1] != "0" else "1")
