"""What the pages are told when they are built: names, addresses, folders. They read no environment."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from backend.web.client_address import Networks


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """`trusted_hosts` may be asked for beside the public address; `link_origins` are LINE's own, where a link ends.

    `trusted_proxies` stand before us and say in `X-Forwarded-For` whose request they bring.
    """

    sender_name: str
    support_phone: str
    templates_dir: Path
    trusted_hosts: tuple[str, ...] = ()
    trusted_proxies: Networks = ()
    link_origins: tuple[str, ...] = ("https://access.line.me",)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAddress:
    """Our address as browsers know it: every URL and origin check comes from here, never from a request (f85)."""

    origin: str
    host: str
    is_https: bool


def public_address(base_url: str) -> PublicAddress:
    """Take `https://pay.example.jp` apart. The port belongs to the host, as in a Host header."""
    parts = urlsplit(base_url)
    return PublicAddress(
        origin=f"{parts.scheme}://{parts.netloc}", host=parts.netloc.lower(), is_https=parts.scheme == "https"
    )
