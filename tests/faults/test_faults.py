"""Two business months in which everything breaks, from a seed; `make soak` lives them with thousands of customers.

Each run is a process of its own: the harness forks, kills and crashes, which the test process must not feel.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from backend.failpoints import NAMES

ROOT = Path(__file__).parents[2]
_MINUTES = 20 * 60  # a run takes one or two; a machine with others at work takes longer


def live(*words: str, folder: Path) -> tuple[int, str]:
    """One run of the harness; what it prints is printed."""
    command = [sys.executable, "-m", "tests.faults", "--folder", str(folder), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_MINUTES, check=False)
    print(done.stdout)  # noqa: T201 - the report, for `make faults`
    return done.returncode, done.stdout[-6000:] + done.stderr[-4000:]


def test_f10_f11_kills_crashes_and_lost_answers_break_no_promise(tmp_path: Path) -> None:
    """Two lives side by side: each waits as often as it works."""

    def live_with(seed: str) -> tuple[int, str]:
        folder = tmp_path / seed
        folder.mkdir()
        return live("--seed", seed, "--customers", "20", "--short", folder=folder)

    with ThreadPoolExecutor() as lives:
        for status, report in lives.map(live_with, ("101", "102")):
            assert status == 0, report


def test_f7_f8_dying_at_every_failpoint_breaks_no_promise(tmp_path: Path) -> None:
    """Where one life leads to a place is chance; what nobody has died at in the first is sought in the next."""
    missed: set[str] = set(NAMES)
    for seed in ("5", "6", "7"):
        folder = tmp_path / seed
        folder.mkdir()
        _, report = live("--seed", seed, "--customers", "16", "--every-place", "--short", folder=folder)
        found = violations_of(report)
        missed &= {place for place in NAMES if f"nobody died at {place}" in found}

        assert [each for each in found if not each.startswith("nobody died at ")] == [], report
        if not missed:
            return
    raise AssertionError(f"nobody died at {sorted(missed)}")


def violations_of(report: str) -> list[str]:
    """What the report lists under its count of violations."""
    assert "\nviolations" in report, report
    count, lines = report.split("\nviolations", 1)[1].split("\n", 1)
    found = [line.strip() for line in lines.splitlines()[: int(count)]]
    assert len(found) == int(count), report
    return found
