"""`python -m tests.faults`: one run of any size. `make faults` and `make soak` use it."""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.faults.harness import Run, live_and_check
from tests.faults.story import Weather


def _main() -> int:
    words = argparse.ArgumentParser(description="Kill everything while customers pay; then hold the ledger to account.")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--customers", type=int, default=40)
    words.add_argument("--kills", type=int, default=60, help="at least so many")
    words.add_argument("--every-place", action="store_true", help="kill once at each failpoint instead of at random")
    words.add_argument("--short", action="store_true", help="fewer days of the month")
    words.add_argument("--minute", type=float, default=0.4, help="real seconds for a minute of bad weather")
    words.add_argument("--folder", type=Path, help="for logs and database; a new one by default")
    wanted = words.parse_args()
    folder = wanted.folder or Path(tempfile.mkdtemp(prefix="tsukibarai-faults-"))
    weather = Weather.for_kills(
        wanted.kills, minute=wanted.minute, is_short=wanted.short, is_every_place=wanted.every_place
    )
    run = Run(
        seed=wanted.seed,
        customers=wanted.customers,
        folder=folder,
        weather=weather,
        is_every_place=wanted.every_place,
    )
    for name in ("aiohttp.server", "asyncio"):  # they tell of every client that was killed
        logging.getLogger(name).setLevel(logging.CRITICAL)
    report = uvloop.run(live_and_check(run))
    told = "\n".join(report.lines())
    (folder / "report.txt").write_text(f"{told}\n")
    print(told)  # noqa: T201 - a command's output
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(_main())
