"""Where a gateway may lead a browser, and the origin that our page then frames and hears."""

import pytest

from backend.gateways.browser_address import browser_address, origin_of

BASE = "http://127.0.0.1:9003"


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ("http://localhost:9003/fields/t", "http://localhost:9003"),
        ("https://Fields.Example.jp:443/t?a=b", "https://fields.example.jp"),
        ("http://[::1]:9003/fields/t", "http://[::1]:9003"),
        ("/fields/t", BASE),
    ],
)
def test_the_origin_is_that_of_the_address_and_the_bases_own_without_a_host(said: str, origin: str) -> None:
    assert origin_of(browser_address(said, base=BASE)) == origin


@pytest.mark.parametrize(
    "said",
    [
        "javascript:alert(1)",
        "data:text/html,card",
        "ftp://localhost/fields",
        "https:///fields",
        "http://a;script-src *:80/",
        "http://user@localhost/",
        "http://localhost:port/",
        "",
        None,
        7,
    ],
)
def test_what_is_no_address_of_the_web_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        browser_address(said, base=BASE)
