"""What the emulator is told when it is built; it reads no environment and no file of settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Keys and addresses of one sandbox gateway.

    `secret_key` is the bearer key of `/v1`, `webhook_secret` signs webhooks, `webhook_url` receives
    them (None keeps them waiting), `public_base` is the gateway's own address without a slash at its
    end, as browsers reach it. `merchant_name` is what card holders see on the whole pages, if given.
    """

    secret_key: str
    webhook_secret: str
    webhook_url: str | None
    public_base: str
    merchant_name: str = ""
