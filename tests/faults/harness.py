"""One run from a seed: live the story, let it come to rest, hold the ledger against the outsiders' truth."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.failpoints import NAMES
from backend.store.engine import transaction
from backend.store.invariants import find_violations
from tests.faults.books import check_money
from tests.faults.messages import check_messages
from tests.faults.report import LONGEST_DOUBT, Report, count
from tests.faults.rest import check_canaries, check_evidence, check_logs, check_rest
from tests.faults.story import Story, Weather
from tests.faults.town import Town, running_town

# A replay needs an intent to charge behind which nothing was ever sent.
_WAY_TO = {"after-replay": "after-sent-commit"}
CREW = (
    ("web-1", "web"),
    ("web-2", "web"),
    ("worker-1", "worker"),
    ("worker-2", "worker"),
    ("scheduler-1", "scheduler"),
    ("scheduler-2", "scheduler"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is wanted. `is_every_place` kills once at each failpoint instead of at random."""

    seed: int
    customers: int
    folder: Path
    weather: Weather
    is_every_place: bool = False
    crew: Sequence[tuple[str, str]] = CREW


async def live_and_check(run: Run) -> Report:
    """Live it all; the report says what was found."""
    begun = time.monotonic()
    report = Report(seed=run.seed, folder=run.folder, customers=run.customers)
    async with running_town(folder=run.folder, seed=run.seed, customers=run.customers, crew=run.crew) as town:
        _arm(town, run)
        story = Story(town, run.weather)
        await story.live()
        await count(town, report)
        report.violations = await _violations(town, story, report, run)
    report.seconds = time.monotonic() - begun
    return report


def _arm(town: Town, run: Run) -> None:
    """Every place that nobody has died at yet; or now and then a place by the dice."""
    dice = random.Random(run.seed + 4)  # noqa: S311 - repeatable on purpose
    places = sorted(NAMES)

    def all_that_are_left(_kind: str) -> str:
        deaths = town.fleet.deaths.failpoints
        left = {place for place in places if not deaths[place]}
        return ",".join(sorted(left | {_WAY_TO[place] for place in left if place in _WAY_TO}))

    def some(_kind: str) -> str:
        return ",".join(f"{place}:{dice.randint(1, 8)}" for place in dice.sample(places, k=5))

    town.fleet.failpoints_for = all_that_are_left if run.is_every_place else some


async def _violations(town: Town, story: Story, report: Report, run: Run) -> list[str]:
    found = [*await check_money(town), *await check_messages(town), *await check_rest(town)]
    found += await check_evidence(town, story.evidence)
    found += await check_canaries(town)
    found += await check_logs(town)
    if run.is_every_place:
        found += [f"nobody died at {place}" for place in report.missed]
    found += [f"the run proves little: {what}" for what in report.too_little]
    async with transaction(town.database.engine) as connection:
        found += [f"verify: {violation}" for violation in await find_violations(connection, now=town.now)]
    # Where nobody throws dice the gateway answers all the time and whoever asks dies at once: no measure of its return.
    if run.weather.has_dice and report.p99 >= LONGEST_DOUBT:
        found.append(f"unknown outcomes took {report.p99} (p99) to be resolved")
    return found
