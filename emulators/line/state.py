"""The truth of what the LINE emulator received and sent; every look-up is by key.

It is bounded by memory only, so each push costs one small record and no copy of anything.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from emulators.line.config import LineConfig
from emulators.shared.buckets import Buckets
from emulators.shared.clock import EmulatorClock
from emulators.shared.courier import Courier
from emulators.shared.recorder import Recorder
from emulators.shared.stream import Hub

_JAPAN = timezone(timedelta(hours=9))
RETRY_KEY_SECONDS = 24 * 3600
REPLY_TOKEN_SECONDS = 60
REPLY_TOKEN_LAST_SECONDS = 20 * 60
LINK_TOKEN_SECONDS = 600


@dataclass(slots=True)
class ChatEntry:
    """Something in a chat: `count` messages from `seq` on, kept as raw JSON until someone looks."""

    seq: int
    at_ms: int
    sender: str
    kind: str
    first_id: int
    count: int
    raw: bytes


@dataclass(slots=True)
class User:
    """A person on LINE as seen by this one channel."""

    user_id: str
    display_name: str
    is_friend: bool = True
    is_blocked: bool = False
    pushes: int = 0
    rich_menu_id: str | None = None
    chat: list[ChatEntry] | None = None

    @property
    def is_reachable(self) -> bool:
        """Say whether a message to this person arrives."""
        return self.is_friend and not self.is_blocked


@dataclass(slots=True)
class Push:
    """One accepted push or one recipient's part of a multicast."""

    key: str | None
    user: User
    at: float
    request_number: int
    first_id: int
    count: int
    digest: int
    is_delivered: bool
    raw: bytes | None
    replays: int = 0


@dataclass(slots=True)
class ReplyToken:
    """Permission to answer one event: once, within a minute of its last delivery."""

    user: User
    event_at: float
    valid_until: float


@dataclass(slots=True)
class LinkToken:
    """Permission to start one account link."""

    user_id: str
    valid_until: float


@dataclass(slots=True)
class Reply:
    """One accepted reply."""

    user: User
    token: str
    at: float
    first_id: int
    count: int
    raw: bytes | None


@dataclass(slots=True)
class Delivery:
    """One try to deliver a webhook body; status 0 means no answer in time."""

    at: float
    event_ids: tuple[str, ...]
    status: int
    attempt: int
    is_redelivery: bool


@dataclass(slots=True)
class Refusal:
    """One call that was refused."""

    at: float
    method: str
    path: str
    status: int
    message: str


@dataclass(slots=True)
class Truth:
    """Everything that `/_control/reset` forgets."""

    users: dict[str, User] = field(default_factory=dict)
    pushes: list[Push] = field(default_factory=list)
    by_key: dict[str, Push] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    reply_tokens: dict[str, ReplyToken] = field(default_factory=dict)
    link_tokens: dict[str, LinkToken] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    duplicates: list[tuple[float, str, bool]] = field(default_factory=list)
    loadings: list[tuple[float, str, int]] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    rich_menus: dict[str, dict[str, Any]] = field(default_factory=dict)
    rich_menu_images: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    rich_menu_aliases: dict[str, str] = field(default_factory=dict)
    default_rich_menu: str | None = None
    quota_used: int = 0
    quota_month: tuple[float, float] = (0.0, 0.0)
    pushed_users: int = 0
    most_pushes: int = 0
    messages_sent: int = 0
    pushes_delivered: int = 0
    first_push_at: float | None = None
    last_push_at: float | None = None
    link_result: str = "ok"


@dataclass(slots=True)
class LineState:
    """The running emulator: its configuration, its parts and its truth."""

    config: LineConfig
    clock: EmulatorClock
    courier: Courier
    hub: Hub
    recorder: Recorder | None
    buckets: Buckets
    webhook_url: str | None
    monthly_quota: int | None
    truth: Truth = field(default_factory=Truth)
    destination: str = field(default_factory=lambda: "U" + secrets.token_hex(16))
    run_prefix: str = field(default_factory=lambda: secrets.token_hex(4))
    request_number: int = 0
    next_seq: int = 1
    next_message_id: int = 600_000_000_000_000_001
    last_event_ms: int = 0

    def reset(self) -> None:
        """Forget all that happened; the configuration stays."""
        self.truth = Truth()
        self.webhook_url = self.config.webhook_url
        self.monthly_quota = self.config.monthly_quota
        self.last_event_ms = 0

    def roll_month(self) -> None:
        """Start counting the quota anew when the month (in Japan) has changed."""
        now = self.clock.time()
        start, end = self.truth.quota_month
        if not start <= now < end:
            self.truth.quota_used = 0
            self.truth.quota_month = _month_around(now)

    def request_id(self, number: int) -> str:
        """Return the id under which a request of this run is known to the platform."""
        return f"{self.run_prefix}-0000-4000-8000-{number:012x}"

    def take_message_ids(self, count: int) -> int:
        """Reserve `count` message ids and return the first."""
        first = self.next_message_id
        self.next_message_id = first + count
        return first

    def event_milliseconds(self) -> int:
        """Return a time stamp for a new event, later than every earlier one."""
        self.last_event_ms = max(self.clock.milliseconds(), self.last_event_ms + 1)
        return self.last_event_ms


def _month_around(now: float) -> tuple[float, float]:
    first = datetime.fromtimestamp(now, tz=_JAPAN).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return first.timestamp(), following.timestamp()


def sent_messages(*, first_id: int, count: int) -> list[dict[str, str]]:
    """Return the ids and quote tokens of a sent request, the same at every call."""
    ids = range(first_id, first_id + count)
    return [{"id": str(number), "quoteToken": quote_token(number)} for number in ids]


def quote_token(message_id: int) -> str:
    """Return the quote token of a message."""
    return f"q{message_id:x}-EmulatedQuoteToken"
