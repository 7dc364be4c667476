"""A closed loop of HTTP requests with the times of their answers."""

import asyncio
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; a GET when there is no body."""

    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came back. Times in milliseconds."""

    count: int
    per_second: float
    p50: float
    p99: float
    slowest: float

    def __str__(self) -> str:
        """One line for people."""
        times = f"p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms, slowest {self.slowest:.0f} ms"
        return f"{self.per_second:6,.0f} requests/s, {times}"


async def send_all(requests: Iterable[Request], *, connections: int) -> Answers:
    """Send all over this many connections, each without a pause; stops at any answer but 200."""
    left, times = iter(requests), list[float]()
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(_keep_sending(session, left, times))
        seconds = time.perf_counter() - start
    cuts = statistics.quantiles(times, n=100)
    return Answers(
        count=len(times),
        per_second=len(times) / seconds,
        p50=cuts[49] * 1000,
        p99=cuts[98] * 1000,
        slowest=max(times) * 1000,
    )


async def _keep_sending(session: aiohttp.ClientSession, left: Iterable[Request], times: list[float]) -> None:
    for request in left:
        start = time.perf_counter()
        method = "GET" if request.body is None else "POST"
        async with session.request(
            method, request.url, data=request.body, headers=request.headers, allow_redirects=False
        ) as answer:
            await answer.read()
        times.append(time.perf_counter() - start)
        if answer.status != 200:
            raise SystemExit(f"{request.url} answered {answer.status}")
