"""How fast the payer's first pages are, and how many bytes the first of them needs in all.

    python bench/pages.py [--requests 4000] [--customers 500] [--seconds 30] [--database-url postgresql://...]

`GET /p/{token}` of many customers and the card entry page of one, at one web process over 32 connections without a
pause; each looks into the database. The entry page also asks the card gateway, whose emulator is a process of its own.
The yardstick is a bare aiohttp handler that returns a text of the same size. `--seconds` bounds each measurement.
"""

import argparse
import asyncio
import itertools
import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import uvloop
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backend.domain.identifiers import derive_token
from backend.store.engine import transaction
from backend.usecases.open_payment_requests import open_payment_requests
from bench.kit import product
from bench.kit.database import Database, bench_database
from bench.kit.load import Request, send_all
from bench.kit.month import analyze, fill
from bench.kit.processes import Child, cpu_of, each, outsider, print_load, python

_CONNECTIONS = 32
_CONSENT = re.compile(r'name="consent_version" value="([^"]+)"')
_ASSET = re.compile(r'(?:href|src)="(/static/[^"]+)"')
_LINKS = text("""
SELECT l.id FROM payment_link l JOIN payment_request r ON r.id = l.request_id ORDER BY r.account_id
""")


async def main() -> None:
    """Run everything and print it."""
    arguments = _arguments()
    print_load()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        gateway = stack.enter_context(outsider("gateway", "gateway"))
        async with (
            bench_database(arguments.database_url, folder=Path(folder), name="tsukibarai_bench") as database,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        ):
            tokens = await _prepare(database, gateway, customers=arguments.customers)
            port = product.free_port()
            settings = {"database_url": database.url, "sandbox_gateway_base": gateway.address}
            web = stack.enter_context(product.web(port, settings))
            base = f"http://127.0.0.1:{port}"
            await product.until_ready(http, base)
            await _measure(arguments, http, base, tokens, [web, gateway, *filter(None, [database.process])])
            print(f"peak memory of the web process {web.peak_megabytes():.0f} MB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pages beside a bare handler")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--database-url")
    return parser.parse_args()


async def _prepare(database: Database, gateway: Child, *, customers: int) -> list[str]:
    """Customers with an open request; returns the tokens of their URLs, the first customer's first."""
    async with product.parts_on(database.url, line="http://127.0.0.1:9", gateway=gateway.address) as parts:
        services = parts.services
        await fill(services.engine, customers=customers)
        await open_payment_requests(services, now=services.clock.now())
        await analyze(services.engine)
        async with transaction(services.engine) as connection:
            links = (await connection.execute(_LINKS)).scalars()
            return [derive_token(secret=services.link_secret, link_id=link) for link in links]


async def _measure(
    arguments: argparse.Namespace, http: aiohttp.ClientSession, base: str, tokens: list[str], children: list[Child]
) -> None:
    first = await _weigh(http, f"{base}/p/{tokens[0]}", base)
    urls = itertools.islice(itertools.cycle(f"{base}/p/{token}" for token in tokens), arguments.requests)
    await _run(arguments, "GET /p/{token}", [Request(url=url, headers={}) for url in urls], children, size=len(first))
    entry, cookie = await _begin(http, f"{base}/p/{tokens[0]}", first)
    async with http.get(entry) as answer:
        size = len(await answer.read())
    wanted = [Request(url=entry, headers={"Cookie": cookie})] * arguments.requests
    await _run(arguments, "GET card entry", wanted, children, size=size)


async def _weigh(http: aiohttp.ClientSession, url: str, base: str) -> str:
    """Print what a browser that knows nothing of us must fetch for the first page; returns the page."""
    async with http.get(url) as answer:
        page = await answer.text()
    sizes = {"HTML": len(page.encode())}
    for path in dict.fromkeys(_ASSET.findall(page)):
        async with http.get(base + path) as answer:
            sizes[path.rsplit(".", 1)[1]] = len(await answer.read())
    parts = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    print(f"first page in all {sum(sizes.values()):,} bytes, uncompressed ({parts})")
    return page


async def _begin(http: aiohttp.ClientSession, url: str, page: str) -> tuple[str, str]:
    """Prove to be the first customer; returns the address of the card entry and the session's cookie."""
    consent = _CONSENT.search(page)
    form = {"phone_tail": "0001", "consent_version": consent[1] if consent else ""}
    headers = {"Origin": url.partition("/p/")[0], "Sec-Fetch-Site": "same-origin"}
    async with http.post(url, data=form, headers=headers, allow_redirects=False) as answer:
        if answer.status != 303:
            raise SystemExit(f"the proof was answered with {answer.status}")
        cookie = "; ".join(f"{morsel.key}={morsel.value}" for morsel in answer.cookies.values())
        return url.partition("/p/")[0] + answer.headers["Location"], cookie


async def _run(
    arguments: argparse.Namespace, name: str, wanted: list[Request], children: list[Child], *, size: int
) -> None:
    cpu: dict[str, float] = {}
    with cpu_of(children, cpu):
        async with asyncio.timeout(arguments.seconds):
            product_answers = await send_all(wanted, connections=_CONNECTIONS)
    with python("bare handler", "-m", "bench.kit.bare_server", str(size), prints_address=True) as bare:
        plain = [Request(url=f"{bare.address}/page", headers={})] * len(wanted)
        bare_answers = await send_all(plain, connections=_CONNECTIONS)
    print(f"{name:15} {product_answers}")
    print(f"  bare handler  {bare_answers} ({product_answers.per_second / bare_answers.per_second:.2f} of it)")
    print(f"  CPU a page    {each(cpu, len(wanted))}", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
