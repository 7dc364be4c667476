"""Watches that no database transaction is open while our code calls the outside (faults.md, rules of a safe step, 2).

Looks at the libraries' own hooks, in the test process only: SQLAlchemy's events tell which transactions are open, and
every request of the product (gateway, LINE's and Twilio's clients alike) passes through `aiohttp.ClientSession`. An
open transaction is seen by its task and by the tasks begun inside it; it counts until it ends.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import aiohttp
import greenlet  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, event

_ROOT = Path(__file__).parents[2]
_PRODUCT = ("app", "backend", "bot", "scheduler")
_OURS = (*_PRODUCT, "emulators", "tests", "bench")
_HERE = Path(__file__)


@dataclass(slots=True, kw_only=True)
class _Opening:
    """One transaction, from its BEGIN to its end."""

    place: str
    is_open: bool = True


_around_us: ContextVar[tuple[_Opening, ...]] = ContextVar("transactions around us", default=())


@dataclass(slots=True, kw_only=True)
class TransactionWatch:
    """What was seen since the watch began."""

    calls: int = 0  # requests that the product made to the outside
    violations: list[str] = field(default_factory=list)
    _openings: dict[int, _Opening] = field(default_factory=dict)

    def begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return  # a session without a transaction, such as the one that holds the timetable's lock
        opening = _Opening(place=" < ".join(_our_frames()))
        self._openings[id(connection)] = opening
        _around_us.set((*(each for each in _around_us.get() if each.is_open), opening))

    def end(self, connection: Connection) -> None:
        if opening := self._openings.pop(id(connection), None):
            opening.is_open = False

    def call(self, method: str, url: object) -> None:
        """A request leaves: a violation if our product makes it while a transaction is open."""
        frames = _our_frames()
        if not frames or not frames[0].startswith(tuple(f"{name}/" for name in _PRODUCT)):
            return  # the test's own browser or an emulator
        self.calls += 1
        self.violations.extend(
            f"{method} {url}\n  called from {' < '.join(frames)}\n  inside the transaction of {opening.place}"
            for opening in _around_us.get()
            if opening.is_open
        )


@contextmanager
def watched_transactions() -> Iterator[TransactionWatch]:
    """Watch every engine and every client session of this process until the block ends."""
    watch = TransactionWatch()
    listeners: tuple[tuple[str, Callable[[Connection], None]], ...] = (
        ("begin", watch.begin),
        ("commit", watch.end),
        ("rollback", watch.end),
    )
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    request = aiohttp.ClientSession._request  # noqa: SLF001 - the one door of aiohttp's client, and of SDKs on it

    async def watched(self: aiohttp.ClientSession, method: str, str_or_url: Any, **options: Any) -> Any:
        watch.call(method, str_or_url)
        return await request(self, method, str_or_url, **options)

    aiohttp.ClientSession._request = watched  # type: ignore[method-assign]  # noqa: SLF001
    try:
        yield watch
    finally:
        aiohttp.ClientSession._request = request  # type: ignore[method-assign]  # noqa: SLF001
        for name, listener in listeners:
            event.remove(Engine, name, listener)


def _our_frames(most: int = 4) -> list[str]:
    """The newest frames of this checkout, newest first; SQLAlchemy's greenlets are left by their parents."""
    found: list[str] = []
    for frame in _frames():
        if ours := _our_file(frame.f_code.co_filename):
            found.append(f"{ours}:{frame.f_lineno} {frame.f_code.co_name}")
        if len(found) == most:
            break
    return found


@functools.cache  # asked for every frame of every transaction's stack
def _our_file(name: str) -> str | None:
    """The file as this checkout names it; None for a library's, and for this one."""
    path = Path(name)
    is_ours = path != _HERE and path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _OURS
    return str(path.relative_to(_ROOT)) if is_ours else None


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - a stack is only readable this way
    parent = greenlet.getcurrent().parent
    while frame is not None or parent is not None:
        if frame is None and parent is not None:
            frame, parent = parent.gr_frame, parent.parent
        if frame is not None:
            yield frame
            frame = frame.f_back
