"""What passes between a chat and the dialogue: channel-neutral frozen data; knows neither LINE nor SMS."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.domain.states import ChannelName
from bot.memory import Memory


class IncomingKind(StrEnum):
    """What the customer did."""

    TEXT = "text"
    POSTBACK = "postback"  # pressed a choice: `data` says which, `text` is empty
    FOLLOW = "follow"
    ACCOUNT_LINKED = "account_linked"
    ACCOUNT_NOT_LINKED = "account_not_linked"  # the dialog failed, or its nonce is no longer good
    STICKER = "sticker"
    MEDIA = "media"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One thing that a customer did in a chat."""

    channel: ChannelName
    kind: IncomingKind
    text: str = ""
    data: str = ""
    said_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One offered answer: a quick reply on LINE, a numbered line in SMS. `label` ≤ 20 graphemes."""

    label: str
    data: str


class Target(StrEnum):
    """Where a reply's button leads; the address is built when the reply is rendered."""

    PAYMENT_PAGE = "payment_page"  # /p/{{link}}: needs `Reply.link_id`
    APPLICATION_FORM = "application_form"  # /apply
    ACCOUNT_LINK = "account_link"  # the linking page with {{line_link_token}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, ready to be rendered for its channel.

    `link_id` names the payment link whose token replaces `{{link}}` at send time; it is set exactly when
    `target` is the payment page.
    """

    text: str
    choices: tuple[Choice, ...] = ()
    target: Target | None = None
    button_label: str = ""
    link_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OfferAccountLink:
    """Fetch a LINE link token for this user: the reply holds `{{line_link_token}}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlink:
    """Untie this chat from the account; the customer has confirmed it."""

    account_id: int


@dataclass(frozen=True, slots=True)
class StopMessages:
    """Send no more notices on this channel to this address (channels.md section 8.10)."""


@dataclass(frozen=True, slots=True)
class ResumeMessages:
    """Send notices on this channel to this address again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Put this conversation on the list for support staff."""

    reason: str  # the intent that led here


Effect = OfferAccountLink | Unlink | StopMessages | ResumeMessages | HandOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What follows from one incoming: answers (one payload each), deeds, what to remember, how it was understood."""

    replies: tuple[Reply, ...]
    effects: tuple[Effect, ...] = ()
    memory: Memory
    intent: str
