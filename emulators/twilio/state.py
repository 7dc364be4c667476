"""The truth of what the Twilio emulator received and sent; every look-up is by key."""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from emulators.shared.buckets import Buckets
from emulators.shared.clock import EmulatorClock
from emulators.shared.courier import Courier
from emulators.shared.recorder import Recorder
from emulators.shared.stream import Hub
from emulators.twilio.config import TwilioConfig


class Behaviour(StrEnum):
    """How a telephone number behaves."""

    DELIVER = "deliver"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    LANDLINE = "landline"
    BLOCKED = "blocked"
    NO_RECEIPT = "no_receipt"


class Direction(StrEnum):
    """Who began a message, in the platform's words."""

    INBOUND = "inbound"
    API = "outbound-api"
    REPLY = "outbound-reply"


@dataclass(slots=True)
class Message:
    """One message, whichever way it goes; times are seconds since 1970."""

    index: int
    sid: str
    direction: Direction
    to: str
    sender: str | None
    body: str
    segments: int
    status: str
    created_at: float
    updated_at: float
    sent_at: float | None = None
    error_code: int | None = None
    callback_url: str | None = None
    service_sid: str | None = None
    is_deleted: bool = False
    history: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Number:
    """What a test said about a telephone number."""

    behaviour: Behaviour = Behaviour.DELIVER
    error_code: int | None = None


@dataclass(slots=True)
class Callback:
    """One try to deliver a callback or an inbound webhook; status 0 means no answer."""

    at: float
    sid: str
    message_status: str
    url: str
    status: int
    token: str


@dataclass(slots=True)
class Refusal:
    """One call that was refused."""

    at: float
    method: str
    path: str
    status: int
    message: str


@dataclass(slots=True)
class PhoneEntry:
    """One message on a telephone's screen."""

    seq: int
    at: float
    message: Message


@dataclass(slots=True)
class Truth:
    """Everything that `/_control/reset` forgets."""

    messages: list[Message] = field(default_factory=list)
    by_sid: dict[str, Message] = field(default_factory=dict)
    by_to: dict[str, list[Message]] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    phones: dict[str, list[PhoneEntry]] = field(default_factory=dict)
    callbacks: list[Callback] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    segments_sent: int = 0
    most_per_number: int = 0


@dataclass(slots=True)
class TwilioState:
    """The running emulator: its configuration, its parts and its truth."""

    config: TwilioConfig
    clock: EmulatorClock
    courier: Courier
    hub: Hub
    recorder: Recorder | None
    buckets: Buckets
    inbound_url: str | None
    truth: Truth = field(default_factory=Truth)
    list_lag_seconds: float = 0.0
    next_seq: int = 1

    def reset(self) -> None:
        """Forget all that happened; the configuration stays."""
        self.truth = Truth()
        self.list_lag_seconds = 0.0
        self.inbound_url = self.config.inbound_url

    def add_message(
        self,
        *,
        direction: Direction,
        to: str,
        sender: str | None,
        body: str,
        segments: int,
        status: str,
        **more: Any,
    ) -> Message:
        """Create a message and file it where look-ups find it."""
        now, truth = self.clock.time(), self.truth
        sid = "SM" + secrets.token_hex(16)
        message = Message(len(truth.messages), sid, direction, to, sender, body, segments, status, now, now, **more)
        message.history.append(status)
        truth.messages.append(message)
        truth.by_sid[sid] = message
        same_number = truth.by_to.setdefault(to, [])
        same_number.append(message)
        truth.statuses[status] += 1
        if direction is not Direction.INBOUND:
            truth.segments_sent += segments
            truth.most_per_number = max(truth.most_per_number, len(same_number))
        return message

    def move(self, message: Message, *, status: str, error_code: int | None = None) -> None:
        """Bring a message into its next state."""
        self.truth.statuses[message.status] -= 1
        self.truth.statuses[status] += 1
        message.status, message.error_code = status, error_code
        message.updated_at = self.clock.time()
        message.history.append(status)

    def show_on_phone(self, message: Message, *, number: str) -> None:
        """Put a message on a telephone's screen."""
        entry = PhoneEntry(self.next_seq, self.clock.time(), message)
        self.next_seq += 1
        self.truth.phones.setdefault(number, []).append(entry)
        if self.hub.has_listeners():
            self.hub.publish(address=number, entry=shown(entry))


def shown(entry: PhoneEntry) -> dict[str, Any]:
    """Return a message as the phone page shows it."""
    message = entry.message
    return {
        "seq": entry.seq,
        "at": entry.at,
        "direction": "inbound" if message.direction is Direction.INBOUND else "outbound",
        "sid": message.sid,
        "from": message.sender,
        "to": message.to,
        "body": message.body,
        "segments": message.segments,
        "status": message.status,
    }


STATE = web.AppKey("twilio_state", TwilioState)
