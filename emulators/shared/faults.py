"""Faults on request: what the network and a provider under load do to an API call."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Protocol

from aiohttp import web

Work = Callable[[], Awaitable[web.StreamResponse]]


class FaultKind(StrEnum):
    """What happens to a call; before or after says whether the work is done."""

    DELAY = "delay"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    ERROR_BEFORE = "500_before"
    ERROR_AFTER = "500_after"
    TOO_MANY = "429"
    UNAUTHORIZED = "401"
    HANG = "hang"
    HANG_AFTER = "hang_after"


class Errors(Protocol):
    """How a platform words the errors that a fault may answer."""

    def internal(self) -> web.Response:
        """Return the platform's 500."""

    def too_many(self) -> web.Response:
        """Return the platform's 429 for a rate limit."""

    def unauthorized(self) -> web.Response:
        """Return the platform's 401 for a token or key that is refused."""


# What the caller never learns of: the work is done, and then its answer is lost.
_AFTER_THE_WORK = frozenset({FaultKind.DROP_AFTER, FaultKind.RESET_AFTER, FaultKind.ERROR_AFTER, FaultKind.HANG_AFTER})


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """One rule: which calls (path may hold `*`), what happens, how often (None: without end)."""

    kind: FaultKind
    path: str = "*"
    method: str = "*"
    times: int | None = None
    seconds: float = 0.0
    probability: float = 1.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FaultRule":
        """Read a rule as the control plane gets it; ValueError or KeyError if it is malformed."""
        times = data.get("times")
        return cls(
            kind=FaultKind(str(data["kind"])),
            path=str(data.get("path", "*")),
            method=str(data.get("method", "*")).upper(),
            times=None if times is None else int(times),
            seconds=float(data.get("seconds", 0.0)),
            probability=float(data.get("probability", 1.0)),
        )

    def matches(self, request: web.Request) -> bool:
        """Say whether this rule speaks about this call and is not used up."""
        return self.times != 0 and self.method in ("*", request.method) and fnmatchcase(request.path, self.path)


@dataclass(slots=True)
class Faults:
    """The rules in force; the first one that matches decides."""

    errors: Errors
    rules: list[FaultRule] = field(default_factory=list)
    latency_ms: tuple[float, float] | None = None
    applied: dict[str, int] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - repeatable on purpose

    def configure(self, data: Mapping[str, Any]) -> None:
        """Replace everything by what `data` says; an empty object ends all faults."""
        rules = [FaultRule.from_json(item) for item in data.get("rules", [])]
        latency = data.get("latency_ms")
        bounds = None if latency is None else (float(latency[0]), float(latency[1]))
        self._random = random.Random(data.get("seed", 0))  # noqa: S311 - repeatable on purpose
        self.rules, self.latency_ms = rules, bounds

    @property
    def is_active(self) -> bool:
        """Say whether a call has to ask at all."""
        return bool(self.rules) or self.latency_ms is not None

    async def around(self, request: web.Request, work: Work) -> web.StreamResponse:
        """Do the work of a call with whatever the rules add to it."""
        if self.latency_ms is not None:
            await asyncio.sleep(self._random.uniform(*self.latency_ms) / 1000)
        rule = self._take(request)
        return await work() if rule is None else await self._suffer(rule, request, work)

    def _take(self, request: web.Request) -> FaultRule | None:
        for rule in self.rules:
            if rule.matches(request) and self._random.random() < rule.probability:
                if rule.times is not None:
                    rule.times -= 1
                self.applied[rule.kind] = self.applied.get(rule.kind, 0) + 1
                return rule
        return None

    async def _suffer(self, rule: FaultRule, request: web.Request, work: Work) -> web.StreamResponse:
        if rule.kind in _AFTER_THE_WORK:
            await work()
        match rule.kind:
            case FaultKind.DELAY:
                await self._wait(rule.seconds)
                return await work()
            case FaultKind.DROP_BEFORE | FaultKind.DROP_AFTER:
                return _cut(request)
            case FaultKind.RESET_BEFORE | FaultKind.RESET_AFTER:
                return _reset(request)
            case FaultKind.ERROR_BEFORE | FaultKind.ERROR_AFTER | FaultKind.TOO_MANY | FaultKind.UNAUTHORIZED:
                return self._answer(rule.kind)
            case FaultKind.HANG | FaultKind.HANG_AFTER:
                await self._wait(rule.seconds or 3600.0)
                return _cut(request)

    def _answer(self, kind: FaultKind) -> web.Response:
        if kind is FaultKind.TOO_MANY:
            return self.errors.too_many()
        return self.errors.unauthorized() if kind is FaultKind.UNAUTHORIZED else self.errors.internal()

    async def _wait(self, seconds: float) -> None:
        """Sleep, but not past the end of the emulator."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return


def _reset(request: web.Request) -> web.Response:
    """Break the connection so that the client sees a reset, not an end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=502)


def _cut(request: web.Request) -> web.Response:
    """Close the connection; the response that aiohttp wants goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=502)
