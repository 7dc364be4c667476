"""What a run tells: its seed, how much happened, how long doubts lasted, and every violation."""

import math
import resource
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from backend.failpoints import NAMES
from tests.faults.town import Town

LONGEST_DOUBT = timedelta(minutes=15)  # p99, from the moment on which the gateway answers again
# Not of a charge that the gateway never had and nobody may repeat, because its card was refused elsewhere meanwhile:
# that it was not processed is known after a day only, by design (money.md, c). All payers share a few card numbers.
_DOUBTS = """
SELECT coalesce((SELECT min(e.at) FROM payment_evidence e WHERE e.attempt_id = p.id AND e.outcome = 'unknown'),
    p.first_sent_at) AS since, p.settled_at
FROM payment_attempt p
WHERE p.settled_at IS NOT NULL AND (p.checks > 0 OR EXISTS (
    SELECT FROM payment_evidence e WHERE e.attempt_id = p.id AND e.outcome = 'unknown'))
  AND NOT EXISTS (SELECT FROM payment_evidence e WHERE e.attempt_id = p.id AND e.outcome = 'challenged')
  AND NOT (p.decline_code IS NOT DISTINCT FROM 'not_processed' AND EXISTS (
    SELECT FROM card_on_file c JOIN card_on_file same ON same.fingerprint = c.fingerprint
    JOIN payment_attempt d ON d.card_id = same.id AND d.state = 'declined' AND d.decline_code <> 'not_processed'
    WHERE c.id = p.card_id))
"""


@dataclass(kw_only=True)
class Report:
    """One run. Durations are business time."""

    seed: int
    folder: Path
    customers: int
    seconds: float = 0.0
    kills: int = 0
    failpoints: Counter[str] = field(default_factory=Counter)
    exits: list[str] = field(default_factory=list)
    crashes: int = 0
    lost_commits: int = 0
    cut_commits: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    people: Counter[str] = field(default_factory=Counter)
    doubts: list[timedelta] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        """Failpoints at which nobody died."""
        return sorted(NAMES - set(self.failpoints))

    @property
    def p99(self) -> timedelta:
        """The doubt that only one of a hundred outlasts."""
        ordered = sorted(self.doubts) or [timedelta()]
        return ordered[math.ceil(0.99 * len(ordered)) - 1]

    @property
    def too_little(self) -> list[str]:
        """What a run must have lived through to prove anything."""
        least = {
            "captures": self.customers * 3 // 4,  # two months; some never pay, and some find no URL in bad weather
            "pushes": self.customers // 2,
            "SMS": self.customers // 2,
            "webhooks tried": self.customers,
        }
        missing = [
            f"{self.counts[name]} {name}, fewer than {fewest}"
            for name, fewest in least.items()
            if self.counts[name] < fewest
        ]
        return missing + ([] if self.doubts else ["no outcome was ever in doubt"])

    @property
    def median(self) -> timedelta:
        """The doubt in the middle."""
        ordered = sorted(self.doubts) or [timedelta()]
        return ordered[(len(ordered) - 1) // 2]

    def lines(self) -> list[str]:
        """The report as people read it."""
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.injected.items()))
        hit = f"{len(self.failpoints)} of {len(NAMES)} hit, {self.failpoints.total()} deaths there"
        return [
            f"seed                {self.seed}",
            f"customers           {self.customers}",
            f"kills               {self.kills + self.failpoints.total()} ({self.kills} from outside)",
            f"failpoints          {hit}{'; never: ' + ', '.join(self.missed) if self.missed else ''}",
            f"database crashes    {self.crashes}",
            f"lost COMMIT answers {self.lost_commits} (and {self.cut_commits} COMMITs that never arrived)",
            f"injected faults     {self.injected.total()}: {faults}",
            *(f"{name:19} {count}" for name, count in self.counts.items()),
            f"people saw          {', '.join(f'{what} {count}' for what, count in self.people.most_common())}",
            f"ended by themselves {len(self.exits)} (a start without a database)",
            f"doubts resolved     {len(self.doubts)}: median {self.median}, p99 {self.p99} of business time",
            f"real time           {self.seconds:.0f} s, {_cpu_seconds():.0f} s of CPU",
            f"logs and database   {self.folder}",
            f"violations          {len(self.violations)}",
            *(f"  {violation}" for violation in self.violations[:100]),
        ]


def _cpu_seconds() -> float:
    """Of this process and all that have ended: what the run would take at least on one free core."""
    uses = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


async def count(town: Town, report: Report) -> None:
    """Fill in what the processes, the proxy and the outsiders have counted."""
    deaths, proxy = town.fleet.deaths, town.database.proxy
    report.kills, report.failpoints, report.exits = deaths.kills, deaths.failpoints, deaths.others
    report.crashes, report.lost_commits, report.cut_commits = town.database.crashes, proxy.lost, proxy.cut
    report.injected = await town.outsiders.injected()
    for person in town.people:
        report.people.update(person.seen)
    charges = (await town.outsiders.ask("gateway", "truth?parts=charges"))["charges"]
    line = await town.outsiders.ask("line", "truth/summary")
    twilio = await town.outsiders.ask("twilio", "truth?bodies=0")
    report.counts = {
        "charges": len(charges),
        "captures": sum(charge["status"] == "succeeded" for charge in charges),
        "pushes": line["pushes_accepted"],
        "replays of a push": line["duplicates_refused"],
        "replies": line["replies"],
        "SMS": sum(message["direction"] == "outbound-api" for message in twilio["messages"]),
        "batches stopped": town.lifted.total(),
        "webhooks tried": line["webhook_attempts"] + len(twilio["callbacks"]),
    }
    report.doubts = await _doubts(town)


async def _doubts(town: Town) -> list[timedelta]:
    """How long each unclear outcome stayed so, from when on the gateway first answered everybody again."""
    doubts = []
    for since, settled in await town.database.rows(_DOUBTS):
        assert isinstance(since, datetime)
        assert isinstance(settled, datetime)
        answered = min((at for at in town.cleared if since < at <= settled), default=since)
        doubts.append(max(settled - answered, timedelta()))
    return doubts
