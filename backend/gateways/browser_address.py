"""Addresses that a gateway names for browsers: which may be followed, and what a browser calls their origin."""

import re
from urllib.parse import urljoin, urlsplit

_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")  # nothing else may get into a content policy
_PORTS = {"http": 80, "https": 443}


def browser_address(said: object, *, base: str) -> str:
    """What was said, as an address that a browser may open; one without a host is found at `base`.

    Raises:
        ValueError: it is no http or https address.
    """
    address = urljoin(f"{base}/", said) if said and isinstance(said, str) else ""
    origin_of(address)
    return address


def origin_of(address: str) -> str:
    """The origin as browsers write it: lower case, without the scheme's own port. Raises ValueError as above."""
    parts = urlsplit(address)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    if parts.scheme not in _PORTS or "@" in parts.netloc or not _HOST.fullmatch(host):
        raise ValueError("no address for a browser")
    port = "" if parts.port in {None, _PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
