"""I5, I7, I9, I10: nothing half done, nothing skipped, no card number anywhere, evidence untouched."""

import json
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import text

from backend.domain.billing_calendar import BillingCalendar, jst_date
from scheduler.jobs import TIMETABLE
from tests.faults.people import ASKING, GOOD, MASTER, POOR, STOLEN
from tests.faults.town import Town

_HALF_DONE = {
    "an attempt in flight": """
        SELECT id, state FROM payment_attempt WHERE state IN ('prepared', 'sent', 'challenged', 'unknown')""",
    "a held bill": "SELECT id FROM bill WHERE state = 'held'",
    "a request that does not end": "SELECT id FROM payment_request WHERE state = 'closing'",
    "a request past its last day": """
        SELECT id FROM payment_request WHERE state = 'open' AND valid_until <= :now""",
    "a notice that does not end": """
        SELECT id, kind, channel, state FROM notice
        WHERE state IN ('queued', 'sending', 'unknown') OR state = 'sent' AND channel = 'sms'""",
    "an event that nobody works on": """
        SELECT id, source, state, failure FROM inbox_event WHERE state IN ('received', 'working')""",
    "an event put aside without a task": """
        SELECT i.id FROM inbox_event i WHERE i.state = 'quarantined'
          AND NOT EXISTS (SELECT FROM staff_task t WHERE t.dedupe_key LIKE '%' || i.id)""",
    "a refund in flight": "SELECT id, state FROM refund WHERE state IN ('prepared', 'sent', 'unknown')",
    "a charging stop": "SELECT reason, detail FROM charging_stop WHERE lifted_at IS NULL",
}
_RUNS = "SELECT job, run_on FROM job_run"
_EVIDENCE = """
SELECT md5(string_agg(e::text, '' ORDER BY id)) FROM payment_evidence e WHERE id <= :last
"""
_TABLES = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""
# What a crash of the database, a lost line, or a provider that is away looks like from inside.
_EXCUSES = (
    "/dbapi)",
    "/e3q8)",
    "/rvf5)",
    "/8s2b)",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "ConnectionDoesNotExistError",
    "CannotConnectNowError",
    "TimeoutError",
    "NothingLearntError",
    "GatewayUnavailableError",
)
_CARDS = (GOOD, MASTER, POOR, STOLEN, ASKING)


async def check_rest(town: Town) -> list[str]:
    """Violations of what must be true when nothing happens any more, in words."""
    found = []
    for words, query in _HALF_DONE.items():
        values = {"now": town.now} if ":now" in query else {}
        found += [f"I5 {words}: {row}" for row in await town.database.rows(query, **values)]
    found += await _nothing_was_skipped(town)
    return found


async def _nothing_was_skipped(town: Town) -> list[str]:
    """Every job has a row for each of its days since its first."""
    runs: dict[str, set[date]] = {}
    for job, day in await town.database.rows(_RUNS):
        assert isinstance(day, date)
        runs.setdefault(str(job), set()).add(day)
    found, calendar, today = [], BillingCalendar(), jst_date(town.now)
    for job in TIMETABLE:
        days = runs.get(job.name, set())
        day = min(days, default=today)
        while day < today:
            if job.runs_on(calendar, day) and day not in days:
                found.append(f"I7 {job.name} was never run for {day}")
            day += timedelta(days=1)
    return found


async def check_canaries(town: Town) -> list[str]:
    """I9: the test cards' numbers are in no row and no log."""
    sinks = {str(path.name): path.read_text(errors="replace") for path in _logs(town.folder)}
    async with town.database.engine.begin() as connection:
        for (table,) in (await connection.execute(text(_TABLES))).all():
            rows = await connection.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t"))  # noqa: S608 - catalogue
            sinks[f"table {table}"] = "\n".join(row[0] for row in rows)
    return [
        f"I9 a card number in {name}"
        for name, sink in sinks.items()
        if any(card in sink or _spaced(card).search(sink) for card in _CARDS)
    ]


async def check_logs(town: Town) -> list[str]:
    """Nothing went wrong in our own code: only the database and the network may be blamed."""
    wrong: Counter[str] = Counter()
    for path in town.folder.glob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            if '"exception"' in line and not any(words in line for words in _EXCUSES):
                said = json.loads(line)
                wrong[f"{said.get('event')}: {said['exception'].strip().splitlines()[-1][:200]}"] += 1
    return [f"an error of our own, {times} times: {words}" for words, times in wrong.items()]


def _logs(folder: Path) -> list[Path]:
    return [*folder.glob("*.log"), *folder.glob("database/*.log")]


def _spaced(card: str) -> re.Pattern[str]:
    return re.compile("[ -]".join(card[start : start + 4] for start in range(0, 16, 4)))


async def evidence_so_far(town: Town) -> tuple[int, str]:
    """The newest row of evidence, and a digest of all up to it."""
    [(last,)] = await town.database.rows("SELECT coalesce(max(id), 0) FROM payment_evidence")
    [(digest,)] = await town.database.rows(_EVIDENCE, last=last)
    return int(str(last)), str(digest)


async def check_evidence(town: Town, kept: list[tuple[int, str]]) -> list[str]:
    """I10: every digest that was taken on the way is still true. (A row of a smaller id may commit later.)"""
    found = []
    for last, digest in kept:
        [(now,)] = await town.database.rows(_EVIDENCE, last=last)
        if str(now) != digest:
            found.append(f"I10 the evidence up to {last} has changed")
    return found
