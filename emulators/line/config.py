"""What a LINE emulator is told at its start; it reads nothing from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Requests per second and endpoint, as the platform documents them.
DOCUMENTED_RATES: Mapping[str, float] = {
    "push": 2000.0,
    "reply": 2000.0,
    "validate": 2000.0,
    "multicast": 200.0,
    "loading": 100.0,
    "richmenu": 100 / 3600,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig:
    """One channel of the emulated platform.

    `channel_secret` signs webhooks, `channel_access_token` is the only Bearer token that is taken.
    `webhook_url` is where events go (None: nowhere until the API or a test sets it).
    `public_base` is this emulator's own origin as others reach it. `monthly_quota` counts delivered
    pushes (None: no limit). `keep_bodies=False` keeps counts and keys, but no message content.
    `rates` maps endpoint names to requests per second (empty: no limit; see DOCUMENTED_RATES).
    `record_to` appends every call and webhook to a file. `page_origin` may call the control plane
    from a browser.
    """

    channel_secret: str
    channel_access_token: str
    webhook_url: str | None
    public_base: str
    bot_name: str
    monthly_quota: int | None = None
    keep_bodies: bool = True
    rates: Mapping[str, float] = field(default_factory=dict)
    webhook_timeout_seconds: float = 2.0
    redelivery_seconds: float = 1.0
    max_redeliveries: int = 5
    record_to: Path | None = None
    page_origin: str | None = None
