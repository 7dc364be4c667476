"""Behind a proxy each visitor is counted alone, and nobody chooses the address that is counted."""

from ipaddress import ip_network

import aiohttp
import pytest

from backend.usecases.services import Services
from backend.web.client_address import client_address
from tests.web.site import running_site

OURS = (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("2001:db8:1::/48"))
VISITOR, SPOOFED = "203.0.113.9", "198.51.100.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (VISITOR, (), VISITOR),
        (VISITOR, (SPOOFED,), VISITOR),
        ("10.1.2.3", (), "10.1.2.3"),
        ("10.1.2.3", (VISITOR,), VISITOR),
        ("10.1.2.3", (f"{SPOOFED}, {VISITOR}",), VISITOR),
        ("10.1.2.3", (SPOOFED, VISITOR), VISITOR),
        ("10.1.2.3", (f"{SPOOFED}, {VISITOR},192.0.2.7",), VISITOR),
        ("10.1.2.3", (f"{SPOOFED}, 10.9.9.9, {VISITOR}, 192.0.2.7",), VISITOR),
        ("10.1.2.3", ("10.4.4.4, 192.0.2.7",), "10.4.4.4"),
        ("10.1.2.3", ("unknown",), "10.1.2.3"),
        ("10.1.2.3", (f"{SPOOFED}, <script>, 192.0.2.7",), "192.0.2.7"),
        ("10.1.2.3", ("",), "10.1.2.3"),
        ("2001:db8:1::5", ("2001:DB8:2:0::9",), "2001:db8:2::9"),
        ("2001:db8:2::9", (SPOOFED,), "2001:db8:2::9"),
        ("::ffff:10.1.2.3", (f"::ffff:{VISITOR}",), VISITOR),
        ("", (SPOOFED,), ""),
    ],
)
def test_the_visitor_is_the_nearest_address_that_is_none_of_our_proxies(
    peer: str, forwarded: tuple[str, ...], expected: str
) -> None:
    assert client_address(peer=peer, forwarded=forwarded, trusted=OURS) == expected


def test_without_trusted_proxies_the_header_is_never_read() -> None:
    assert client_address(peer="10.1.2.3", forwarded=(SPOOFED,), trusted=()) == "10.1.2.3"


async def statuses(base: str, *visitors: str) -> list[int]:
    """What each of these visitors is answered who try a URL that does not exist, through one proxy."""
    found = []
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as proxy:
        for visitor in visitors:
            headers = {"X-Forwarded-For": f"{SPOOFED}{len(found)}, {visitor}"}
            async with proxy.get(f"{base}/p/{'A' * 22}", headers=headers) as answer:
                found.append(answer.status)
    return found


async def test_f84_behind_a_trusted_proxy_one_visitor_who_is_slowed_down_slows_nobody_else(
    services: Services, gateway_emulator: str
) -> None:
    async with running_site(services, gateway=gateway_emulator, trusted_proxies=(ip_network("127.0.0.0/8"),)) as site:
        tried = await statuses(site.base, *(21 * [VISITOR]), "203.0.113.10")

        assert tried == [404] * 20 + [429, 404]


async def test_f84_who_is_no_trusted_proxy_cannot_choose_whom_to_count_for(
    services: Services, gateway_emulator: str
) -> None:
    async with running_site(services, gateway=gateway_emulator) as site:
        tried = await statuses(site.base, *(f"203.0.113.{last}" for last in range(21)))

        assert tried == [404] * 20 + [429]
