"""Bodies that never end, swell or are too large are refused before any handler works (f72, f73)."""

import asyncio
import gzip

import pytest

from tests.web.site import Site

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown"])
async def test_f73_a_compressed_body_is_refused(site: Site, encoding: str) -> None:
    bomb = gzip.compress(b"a" * 10_000_000)
    browser = site.browser()

    async with browser.session.post(
        f"{site.base}/apply", data=bomb, headers={**FORM, "Content-Encoding": encoding}
    ) as answer:
        assert answer.status in {400, 415}


async def test_f72_a_body_that_does_not_come_is_given_up(site: Site) -> None:
    host, port = site.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /apply HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: {FORM['Content-Type']}\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\nphone=".encode())

    answer = await reader.readline()
    writer.close()

    assert b" 408 " in answer
