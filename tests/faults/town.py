"""One running town: the database, the outsiders, the product's processes, the people; and the hands that move time."""

import asyncio
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from sqlalchemy import text

from app.clock import ShiftableClock
from app.settings import Settings
from backend.store import line_accounts
from tests.faults.database import Database, crashable_database
from tests.faults.outsiders import Outsiders, running_outsiders
from tests.faults.people import Person, a_crowd
from tests.faults.processes import Fleet, running_fleet
from tests.kit.bill_files import write_bill_file
from tests.kit.clock import jst
from tests.kit.servers import free_port
from tests.kit.world import settings_for

_MINUTE = timedelta(minutes=1)
_BEGINNING = jst("2026-11-01T12:00")
_DUE = """
SELECT count(*) FROM payment_attempt WHERE state IN ('sent', 'unknown', 'challenged') AND next_check_at <= :now
"""
# Customers without an open request or a way to it; a few whose message got stuck in a death are not waited for.
_UNSENT = """
SELECT greatest(0, (SELECT count(*) FROM account) - (SELECT count(*) FROM account) / 3 - (
  SELECT count(DISTINCT r.account_id) FROM payment_request r LEFT JOIN notice n ON n.request_id = r.id
  WHERE r.opened_at > CAST(:now AS timestamptz) - interval '1 day'
    AND (r.way = 'automatic' OR n.state IN ('sent', 'delivered'))))
"""
_BUSY = """
SELECT (SELECT count(*) FROM payment_attempt WHERE state = 'prepared' AND not_before <= :now
          OR state IN ('sent', 'unknown', 'challenged') AND next_check_at <= :now)
  + (SELECT count(*) FROM notice WHERE state = 'queued' AND not_before <= :now OR state = 'sending'
       OR state = 'unknown' AND not_before <= :now AND last_sent_at <= CAST(:now AS timestamptz) - interval '1 minute')
  + (SELECT count(*) FROM refund WHERE state = 'prepared' OR state IN ('sent', 'unknown') AND next_check_at <= :now)
  + (SELECT count(*) FROM inbox_event WHERE state IN ('received', 'working') AND not_before <= :now)
"""


@dataclass(kw_only=True)
class Town:
    """Everything of one run."""

    folder: Path
    settings: Settings
    dice: random.Random
    database: Database
    outsiders: Outsiders
    fleet: Fleet
    crew: Sequence[tuple[str, str]]
    people: list[Person] = field(default_factory=list)
    now: datetime = _BEGINNING  # the last moment that we went to
    arrived: float = 0  # when that was, by the machine's own time
    cleared: list[datetime] = field(default_factory=list)  # from when on the gateway answered everybody again
    files: int = 0
    lifted: Counter[str] = field(default_factory=Counter)  # stops of the month's batches, by reason

    async def go_to(self, at: datetime) -> None:
        """Move every clock; who is at work goes on in the new time."""
        await self.database.patiently(lambda: ShiftableClock(self.database.engine).go_to(at))
        await self.outsiders.go_to(at)
        self.now, self.arrived = at, time.monotonic()

    async def tick(self) -> None:
        """One minute passes."""
        await self.go_to(self.now + _MINUTE)

    async def power_cut(self) -> None:
        """Everybody dies at once; minutes of the database's clock pass, so that no lease is left."""
        await self.fleet.power_cut()
        await asyncio.sleep(0.4)  # what the outsiders were doing for the dead comes to its end
        await self.database.end_leases()

    async def power_on(self) -> None:
        """Start the whole crew and wait until customers can be served."""
        await self.fleet.power_on(self.crew)
        await self.until_served()

    async def until_served(self, *, seconds: float = 20) -> None:
        """Until a customer would get an answer, on a slow machine as on a quick one."""
        deadline = time.monotonic() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http:
            while time.monotonic() < deadline:
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with http.get(f"{self.settings.public_base_url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)

    async def until_nobody_waits_for_the_gateway(self, *, seconds: float = 8) -> None:
        """Until every unclear outcome that is due has been asked about."""
        await self._until(_DUE, seconds=seconds)

    async def until_urls_are_out(self, *, seconds: float, still: float) -> None:
        """Until the month is open and most URLs have been sent, or it takes too long, or comes to a standstill."""
        await self._until(_UNSENT, seconds=seconds, still=still)

    async def until_still(self, *, seconds: float = 120) -> None:
        """Until nothing that is due is left, and nothing comes from outside."""
        await self.outsiders.quiet()
        await asyncio.sleep(1.1)  # the scheduler looks every second
        await self._until(_BUSY, seconds=seconds)
        await self.outsiders.quiet()
        await self._until(_BUSY, seconds=seconds)

    async def _until(self, query: str, *, seconds: float, still: float = math.inf) -> None:
        """Until the query counts nothing any more; `still` seconds without a change or a death are enough, too."""
        begun = changed = time.monotonic()
        last = None
        while time.monotonic() < min(begun + seconds, changed + still):
            now = self.now + timedelta(seconds=time.monotonic() - self.arrived)  # what was written since is due
            left = (await self.database.rows(query, now=now))[0][0]
            if left == 0:
                return
            if last != (last := (left, self.fleet.deaths.failpoints.total())):
                changed = time.monotonic()
            await asyncio.sleep(0.1)

    async def import_month(self, month: str) -> None:
        """Give the retailer's file to the command until it says yes, whoever dies meanwhile."""
        self.files += 1
        lines = [person.bill(month, 3000 + 7 * person.serial + self.files) for person in self.people]
        file = write_bill_file(self.folder / f"bills-{self.files}.csv", lines)
        for number in range(30):
            if await self.fleet.run(f"import-{self.files}-{number}", "import-bills", str(file)) == 0:
                return
        raise AssertionError(f"the file {file} was never accepted")

    async def make_friends(self) -> None:
        """Those with LINE become friends with a linked account (the flow itself is tested elsewhere)."""
        with_line = [person for person in self.people if person.line_user]
        for start in range(0, len(with_line), 1000):
            ids = [person.line_user for person in with_line[start : start + 1000]]
            await self.outsiders.control("line", "users/bulk", {"userIds": ids})
        async with self.database.engine.begin() as connection:
            accounts = await connection.execute(text("SELECT customer_number, id FROM account"))
            known = {row.customer_number: row.id for row in accounts}
            for person in with_line:
                await line_accounts.link(
                    connection,
                    account_id=known[person.number],
                    line_user_id=str(person.line_user),
                    now=self.now,
                )


@asynccontextmanager
async def running_town(
    *, folder: Path, seed: int, customers: int, crew: Sequence[tuple[str, str]]
) -> AsyncIterator[Town]:
    """Start everything but the product's processes."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    settings = settings_for(**{name: free_port() for name in ("web", "gateway", "line", "twilio")})
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            crashable_database(folder=folder / "database", port=free_port(), dice=random.Random(seed + 1))  # noqa: S311
        )
        outsiders = await stack.enter_async_context(
            running_outsiders(settings, dice=random.Random(seed + 2))  # noqa: S311
        )
        env = {
            "PATH": str(Path(sys.executable).parent),
            "DATABASE_URL": database.url,
            "CLOCK": "shiftable",
            "WEB_PORT": str(settings.web_port),
            "PUBLIC_BASE_URL": settings.public_base_url,
            "LINE_API_BASE": settings.line_api_base,
            "TWILIO_API_BASE": settings.twilio_api_base,
            "SANDBOX_GATEWAY_BASE": settings.sandbox_gateway_base,
            "SMS_PER_SECOND": "100",
            "SSL_CERT_FILE": os.devnull,  # nothing here speaks TLS, and each birth would read 140 certificates
        }
        fleet = await stack.enter_async_context(running_fleet(folder=folder, env=env))
        town = Town(
            folder=folder,
            settings=settings,
            dice=dice,
            database=database,
            outsiders=outsiders,
            fleet=fleet,
            crew=crew,
        )
        town.people = a_crowd(
            customers,
            dice=random.Random(seed + 3),  # noqa: S311
            outsiders=outsiders,
            web=settings.public_base_url,
        )
        await town.go_to(town.now)
        yield town
