"""The yardstick of the dispatch bench: the same bodies to the same emulator by a bare aiohttp client loop."""

import asyncio
import json
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.store.engine import transaction
from bench.kit.month import make_friends
from bench.kit.outsiders import SECRET
from bench.kit.processes import Child, cpu_of

_CONNECTIONS = 100  # as many as the product's channel
_SENT = text("SELECT address, payload FROM notice WHERE payload IS NOT NULL ORDER BY id LIMIT :count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """What the loop reached; CPU in seconds a push, by process."""

    per_second: float
    cpu: Mapping[str, float]


async def push_all(engine: AsyncEngine, http: aiohttp.ClientSession, line: Child, *, count: int) -> Bare:
    """Push what the last run has sent once more, from memory and with new keys."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(_SENT, {"count": count})).all()
    bodies = [json.dumps({"to": row.address, **row.payload}).replace("{{link}}", "x" * 22).encode() for row in rows]
    await make_friends(http, line.address, customers=count)
    cpu: dict[str, float] = {}
    own, start = _own_cpu(), time.perf_counter()
    with cpu_of([line], cpu):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as session:
            left = iter(bodies)
            await asyncio.gather(*(_push(session, f"{line.address}/v2/bot/message/push", left) for _ in range(100)))
    seconds = time.perf_counter() - start
    cpu["client"] = _own_cpu() - own
    each = {name: used / len(bodies) for name, used in cpu.items()}
    return Bare(per_second=len(bodies) / seconds, cpu=each)


async def _push(session: aiohttp.ClientSession, url: str, left: Iterator[bytes]) -> None:
    for body in left:
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "Content-Type": "application/json",
            "X-Line-Retry-Key": str(uuid4()),
        }
        async with session.post(url, data=body, headers=headers) as answer:
            await answer.read()


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
