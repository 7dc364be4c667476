"""Misbehaviour on purpose: delays, lost answers, server errors, rate limits, thrown by dice."""

import asyncio
import math
import random
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from aiohttp import web
from aiohttp.typedefs import Handler

from emulators.gateway.errors import GatewayError
from emulators.gateway.keys import STATE


class FaultKind(StrEnum):
    """What may go wrong; before and after say whether the call's work was done."""

    DELAY = "delay"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    ERROR_BEFORE = "500_before"
    ERROR_AFTER = "500_after"
    RATE_LIMIT = "429"
    HANG = "hang"
    HANG_AFTER = "hang_after"


AROUND_THE_CALL = frozenset(FaultKind) - {FaultKind.DELAY}
WHILE_WORKING = frozenset({FaultKind.DELAY})
WORK_COMES_FIRST = frozenset({FaultKind.DROP_AFTER, FaultKind.RESET_AFTER, FaultKind.ERROR_AFTER, FaultKind.HANG_AFTER})
LONGEST_HANG_SECONDS = 3600.0


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """One fault; `times` counts down to 0 (None: for ever), `path` may hold * and ?."""

    kind: FaultKind
    path: str = "*"
    method: str | None = None
    times: int | None = None
    seconds: float = 0.0
    probability: float = 1.0

    def concerns(self, *, method: str, path: str) -> bool:
        """Tell whether this rule is about such a call and not used up."""
        return self.times != 0 and self.method in (None, method) and fnmatchcase(path, self.path)


class Faults:
    """The rules in force, the general latency and lag, and the dice."""

    def __init__(self) -> None:
        self.dice = random.Random()  # noqa: S311 - dice for tests, no secret
        self.closing = asyncio.Event()
        self.applied: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        """Behave well again."""
        self.rules: list[FaultRule] = []
        self.latency_ms = (0.0, 0.0)
        self.list_lag_seconds = 0.0

    def draw(self, *, method: str, path: str, kinds: frozenset[FaultKind]) -> FaultRule | None:
        """Return the first rule of these kinds that strikes this call, and use it up once."""
        for rule in self.rules:
            if rule.kind not in kinds or not rule.concerns(method=method, path=path):
                continue
            if self.dice.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
            self.applied[rule.kind] += 1
            return rule
        return None

    def latency_seconds(self) -> float:
        """Throw the dice for the general latency."""
        return self.dice.uniform(*self.latency_ms) / 1000

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the emulator stops."""
        try:
            await asyncio.wait_for(self.closing.wait(), timeout=seconds)
        except TimeoutError:
            return


@web.middleware
async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Strike a call from outside: what the client sees is not what the gateway did."""
    faults = request.config_dict[STATE].faults
    rule = faults.draw(method=request.method, path=request.path, kinds=AROUND_THE_CALL)
    if rule is None:
        return await handler(request)
    if rule.kind in WORK_COMES_FIRST:
        await handler(request)
    return await _strike(request, rule, faults=faults)


@web.middleware
async def take_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Spend the latency while the key is already claimed, as a busy gateway does."""
    faults = request.config_dict[STATE].faults
    rule = faults.draw(method=request.method, path=request.path, kinds=WHILE_WORKING)
    seconds = faults.latency_seconds() + (rule.seconds if rule else 0.0)
    if seconds > 0:
        await faults.pause(seconds)
    return await handler(request)


async def _strike(request: web.Request, rule: FaultRule, *, faults: Faults) -> web.StreamResponse:
    match rule.kind:
        case FaultKind.ERROR_BEFORE | FaultKind.ERROR_AFTER:
            return _server_error()
        case FaultKind.RATE_LIMIT:
            return _rate_limited(rule.seconds)
        case FaultKind.DROP_BEFORE | FaultKind.DROP_AFTER:
            return _hang_up(request)
        case FaultKind.RESET_BEFORE | FaultKind.RESET_AFTER:
            return _reset(request)
        case FaultKind.HANG | FaultKind.HANG_AFTER | FaultKind.DELAY:
            await faults.pause(rule.seconds or LONGEST_HANG_SECONDS)
            return _hang_up(request)


def _server_error() -> web.Response:
    return GatewayError(status=500, kind="api_error", code="api_error", message="Something went wrong.").response()


def _rate_limited(seconds: float) -> web.Response:
    error = GatewayError(status=429, kind="rate_limited", code="rate_limited", message="Too many requests.")
    error.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return error.response()


def _reset(request: web.Request) -> web.Response:
    """Break the connection so that the client sees a reset, not an end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=503)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=503)  # never reaches anyone: the connection is closed
