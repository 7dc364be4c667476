"""The gateway, LINE and Twilio of a run: never killed, keepers of the truth, with dice to be thrown and put away."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from app.settings import SANDBOX_SECRET, Settings
from emulators.gateway.app import GatewayConfig
from emulators.gateway.app import create_app as create_gateway
from emulators.line.app import LineConfig
from emulators.line.app import create_app as create_line
from emulators.twilio.app import TwilioConfig
from emulators.twilio.app import create_app as create_twilio
from tests.kit.servers import serving

# How often a call suffers what; half of all faults strike after the work was done, which is where money doubles.
_CHANCES = {
    "drop_before": 0.02,
    "drop_after": 0.04,
    "reset_before": 0.02,
    "reset_after": 0.04,
    "500_before": 0.03,
    "500_after": 0.04,
    "429": 0.03,
    "hang": 0.005,
    "hang_after": 0.01,
}
# Which calls, and what share of the chances: where money and messages move, all of it. Payers need several other calls
# before they can press; and each start of a process looks at the gateway's movements, and stops charging if it cannot.
_CALLS: dict[str, list[tuple[dict[str, str], float]]] = {
    "gateway": [
        ({"path": "/v1/charges", "method": "POST"}, 1.0),
        ({"path": "/v1/charges*"}, 0.5),
        ({"path": "/v1/refunds*"}, 1.0),
        ({"path": "/v1/c*"}, 0.15),
        ({"path": "/v1/transactions*"}, 0.1),
    ],
    "line": [({"path": "/v2/bot/*"}, 1.0)],
    "twilio": [({"path": "/2010-04-01/*"}, 1.0)],
}
_SECONDS = {"hang": 1.5, "hang_after": 1.5, "429": 2.0}
_AWAY = ("drop_before", "500_before", "reset_before", "drop_before")


@dataclass(kw_only=True)
class Outsiders:
    """Three emulators and what was done to their callers."""

    bases: dict[str, str]
    http: aiohttp.ClientSession
    dice: random.Random
    away: list[tuple[datetime, datetime]] = field(default_factory=list)  # when the gateway did not answer at all

    async def control(self, name: str, what: str, body: dict[str, Any]) -> Any:
        """POST to an emulator's control plane."""
        async with self.http.post(f"{self.bases[name]}/_control/{what}", json=body) as answer:
            assert answer.status < 300, f"{name}/{what}: {await answer.text()}"
            return await answer.json()

    async def ask(self, name: str, what: str) -> Any:
        """GET from an emulator's control plane."""
        async with self.http.get(f"{self.bases[name]}/_control/{what}") as answer:
            assert answer.status < 300, f"{name}/{what}: {await answer.text()}"
            return await answer.json()

    async def go_to(self, at: datetime) -> None:
        """Set all three clocks."""
        await asyncio.gather(*(self.control(name, "clock", {"now": at.isoformat()}) for name in self.bases))

    async def throw_dice(self) -> None:
        """From now on calls and notifications suffer; the rules are the same for the same seed."""
        for name in self.bases:
            rules = [
                {**calls, "kind": kind, "probability": chance * share, "seconds": _SECONDS.get(kind, 0.0)}
                for calls, share in _CALLS[name]
                for kind, chance in _CHANCES.items()
            ]
            seed = self.dice.randrange(2**31)
            await self.control(name, "faults", {"rules": rules, "latency_ms": [0, 300], "seed": seed})
        await self.control("gateway", "faults", {"list_lag_seconds": self.dice.uniform(0, 3)})
        await self.control("twilio", "lists", {"list_lag_seconds": self.dice.uniform(0, 3)})
        await self._disturb(duplicate=1, shuffle=True)

    async def put_dice_away(self) -> None:
        """Everybody behaves from now on."""
        await self.control("gateway", "faults", {"rules": [], "latency_ms": [0, 0], "list_lag_seconds": 0})
        await self.control("line", "faults", {})
        await self.control("twilio", "faults", {})
        await self.control("twilio", "lists", {"list_lag_seconds": 0})
        await self._disturb(duplicate=0, shuffle=False)

    async def leave(self, *, now: datetime) -> None:
        """The gateway is away: no call gets through and no answer comes."""
        rules = [{"kind": kind, "path": "/v1/*", "probability": 0.5} for kind in _AWAY]
        rules.append({"kind": "500_before", "path": "/v1/*"})
        await self.control("gateway", "faults", {"rules": rules})
        self.away.append((now, now))

    async def return_(self, *, now: datetime) -> None:
        """The gateway answers again, as well as the dice let it."""
        self.away[-1] = (self.away[-1][0], now)
        await self.throw_dice()

    async def _disturb(self, *, duplicate: int, shuffle: bool) -> None:
        await self.control("gateway", "webhooks", {"duplicate": duplicate, "shuffle": shuffle})
        await self.control("line", "webhooks", {"duplicate": duplicate, "shuffle": shuffle and 3})
        await self.control("twilio", "callbacks", {"duplicate": duplicate, "shuffle": shuffle and 3})

    async def quiet(self) -> None:
        """Until nothing is on its way from them any more."""
        await self.control("gateway", "webhooks/flush", {})
        await asyncio.gather(*(self.ask(name, "idle?timeout=20") for name in ("line", "twilio")))

    async def injected(self) -> Counter[str]:
        """How many calls suffered what."""
        counted: Counter[str] = Counter()
        for name in self.bases:
            counted.update((await self.ask(name, "faults"))["applied"])
        return counted


@asynccontextmanager
async def running_outsiders(settings: Settings, *, dice: random.Random) -> AsyncIterator[Outsiders]:
    """Serve all three in this process."""
    public, secret = settings.public_base_url, SANDBOX_SECRET
    gateway = GatewayConfig(
        secret_key=secret,
        webhook_secret=secret,
        webhook_url=f"{public}/hooks/gateway/sandbox",
        public_base=settings.sandbox_gateway_base,
    )
    line = LineConfig(
        channel_secret=secret,
        channel_access_token=secret,
        webhook_url=f"{public}/hooks/line",
        public_base=settings.line_api_base,
        bot_name="bot",
        redelivery_seconds=0.3,
    )
    twilio = TwilioConfig(
        account_sid=settings.twilio_account_sid,
        auth_token=secret,
        inbound_url=f"{public}/hooks/twilio/sms",
        public_base=settings.twilio_api_base,
        from_number=settings.twilio_from,
        status_seconds=0.05,
    )
    apps = {
        "gateway": (create_gateway(config=gateway), settings.sandbox_gateway_base),
        "line": (create_line(config=line), settings.line_api_base),
        "twilio": (create_twilio(config=twilio), settings.twilio_api_base),
    }
    async with AsyncExitStack() as stack:
        for app, base in apps.values():
            await stack.enter_async_context(serving(app, int(base.rsplit(":", 1)[1])))
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)))
        yield Outsiders(bases={name: base for name, (_, base) in apps.items()}, http=http, dice=dice)
