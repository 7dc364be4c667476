"""Delivers webhooks in the background: queue, delays, shuffling, repeats and retries."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from emulators.gateway.clock import EmulatorClock
from emulators.gateway.records import Json
from emulators.gateway.webhooks import Event, EventType, Try, new_event, signature, spoilt

SECONDS_BETWEEN_TRIES = (0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0, 10.0, 10.0)
SENDERS = 16
TIMEOUT = aiohttp.ClientTimeout(total=10)
LONGEST_SHUFFLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSettings:
    """How webhooks travel; `duplicate` counts the extra copies of every event."""

    enabled: bool = True
    duplicate: int = 0
    shuffle: bool = False
    delay_seconds: float = 0.0
    corrupt_signature: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Parcel:
    """One copy of one event on its way; `tries` counts the failures so far."""

    event: Event
    tries: int = 0


class Postman:
    """Sends events to `url`; what it cannot send yet waits."""

    def __init__(self, *, url: str | None, secret: str, clock: EmulatorClock) -> None:
        self.url = url
        self.secret = secret
        self.settings = PostSettings()
        self.events: dict[str, Event] = {}
        self._clock = clock
        self.dice = random.Random()  # noqa: S311 - shuffles letters, no secret
        self._waiting: dict[Parcel, asyncio.TimerHandle | None] = {}
        self._ready: asyncio.Queue[Parcel] = asyncio.Queue()

    def tell(self, *, event_type: EventType, subject: Json) -> None:
        """Make an event about `subject` and send it when the settings say so."""
        copies = 1 + self.settings.duplicate
        event = new_event(event_type=event_type, subject=subject, created=self._clock.unix(), copies=copies)
        self.events[event.id] = event
        for _ in range(copies):
            self._send_later(Parcel(event=event), seconds=self._first_delay())

    def release(self) -> None:
        """Send what was held back, if sending is possible now."""
        for parcel in [parcel for parcel, timer in self._waiting.items() if timer is None]:
            del self._waiting[parcel]
            self._send_later(parcel, seconds=self._first_delay())

    async def flush(self) -> Json:
        """Try everything that waits once, now, held back or not; say how it went."""
        parcels = list(self._waiting)
        if self.settings.shuffle:
            self.dice.shuffle(parcels)
        for parcel in parcels:
            self._cancel(parcel)
            self._ready.put_nowait(parcel)
        await self._ready.join()
        return {"tried": len(parcels), "waiting": len(self._waiting)}

    def forget(self) -> None:
        """Drop all events, sent and unsent."""
        for parcel in list(self._waiting):
            self._cancel(parcel)
        while not self._ready.empty():
            self._ready.get_nowait()
            self._ready.task_done()
        self.events.clear()
        self.settings = PostSettings()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Deliver while this context is open."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            senders = [asyncio.create_task(self._deliver(session)) for _ in range(SENDERS)]
            try:
                yield
            finally:
                self.forget()
                for sender in senders:
                    sender.cancel()
                await asyncio.gather(*senders, return_exceptions=True)

    async def _deliver(self, session: aiohttp.ClientSession) -> None:
        while True:
            parcel = await self._ready.get()
            try:
                await self._try(session, parcel)
            finally:
                self._ready.task_done()

    async def _try(self, session: aiohttp.ClientSession, parcel: Parcel) -> None:
        if self.url is None:
            self._waiting[parcel] = None
            return
        outcome = await self._post(session, url=self.url, body=parcel.event.body)
        parcel.event.note(outcome)
        if not outcome.is_accepted and parcel.tries < len(SECONDS_BETWEEN_TRIES):
            parcel.tries += 1
            if parcel.event.id in self.events:
                self._send_later(parcel, seconds=SECONDS_BETWEEN_TRIES[parcel.tries - 1])

    async def _post(self, session: aiohttp.ClientSession, *, url: str, body: bytes) -> Try:
        at = self._clock.unix()
        try:
            async with session.post(
                url, data=body, headers=self._headers(body=body, at=at), allow_redirects=False
            ) as response:
                return Try(at=at, status=response.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Try(at=at, status=None, error=type(error).__name__)

    def _headers(self, *, body: bytes, at: int) -> dict[str, str]:
        value = signature(secret=self.secret, body=body, at=at)
        if self.settings.corrupt_signature:
            value = spoilt(value)
        return {"Content-Type": "application/json", "Gateway-Signature": value}

    def _first_delay(self) -> float:
        shuffled = self.dice.uniform(0, LONGEST_SHUFFLE_SECONDS) if self.settings.shuffle else 0.0
        return self.settings.delay_seconds + shuffled

    def _send_later(self, parcel: Parcel, *, seconds: float) -> None:
        if self.url is None or not self.settings.enabled:
            self._waiting[parcel] = None
        elif seconds <= 0:
            self._ready.put_nowait(parcel)
        else:
            loop = asyncio.get_running_loop()
            self._waiting[parcel] = loop.call_later(seconds, self._due, parcel)

    def _due(self, parcel: Parcel) -> None:
        self._waiting.pop(parcel, None)
        if self.settings.enabled:
            self._ready.put_nowait(parcel)
        else:
            self._waiting[parcel] = None

    def _cancel(self, parcel: Parcel) -> None:
        timer = self._waiting.pop(parcel)
        if timer is not None:
            timer.cancel()
