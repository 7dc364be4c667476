"""What a Twilio emulator is told at its start; it reads nothing from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioConfig:
    """One account with one sender.

    `auth_token` opens the API and signs callbacks; `api_keys` (sid to secret) open it as well.
    `inbound_url` hears what customers write (None: nobody). `public_base` is this emulator's own
    origin. `status_seconds` pass between two states of a message. `rates` may limit "create" and
    "read" to requests per second. `keep_bodies=False` keeps no text, so reconciling by body fails.
    `record_to` appends every call and callback to a file. `page_origin` may call the control plane
    from a browser.
    """

    account_sid: str
    auth_token: str
    inbound_url: str | None
    public_base: str
    from_number: str
    api_keys: Mapping[str, str] = field(default_factory=dict)
    status_seconds: float = 0.2
    callback_timeout_seconds: float = 15.0
    rates: Mapping[str, float] = field(default_factory=dict)
    keep_bodies: bool = True
    record_to: Path | None = None
    page_origin: str | None = None
