"""Whose request it is when proxies stand before us: the nearest address on its way that is none of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]


def client_address(*, peer: str, forwarded: Sequence[str], trusted: Networks) -> str:
    """Walk back from the peer through `X-Forwarded-For` for as long as each hop is a trusted proxy.

    Anybody may write that header: only what a trusted proxy added to it is believed. What is no address ends the walk.
    """
    found = peer
    for hop in (peer, *reversed(",".join(forwarded).split(","))):
        address = _read(hop)
        if address is None:
            return found
        found = str(address)
        if not any(address in network for network in trusted):
            return found
    return found


def _read(hop: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address that a double-stack socket wrote as IPv6 is read as what it is."""
    try:
        address = ip_address(hop.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
