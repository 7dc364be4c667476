"""Named places where a process can be made to die, so that tests prove what a kill leaves behind.

Nothing happens unless a name was armed, which production refuses (docs/settings.md, `FAILPOINTS`).
"""

import os
import signal
from collections.abc import Mapping

# Every crash place of the safe-step protocols (faults.md). "after" means: that is done or committed, nothing later is;
# "inside" means: the transaction is complete but not committed.
NAMES = frozenset(
    {
        # a charge: T1, the intent to send, the gateway's answer, T2
        "after-registration",
        "after-claim",
        "after-sent-commit",
        "after-capture",
        "inside-recording",
        "after-recording",
        # an unknown outcome, and a 3-D Secure that nobody finishes
        "after-resolve-take",
        "after-look-up",
        "after-replay",
        "after-cancel",
        # a refund: the intent to send, the gateway's answer, T2
        "after-refund-sent-commit",
        "after-refund-answer",
        "after-refund-resolve-take",
        "inside-refund-recording",
        "after-refund-recording",
        # messages to customers, and doubts about them
        "inside-marking",
        "after-marking",
        "after-push",
        "after-sms",
        "inside-settling",
        "after-settling",
        "after-doubt-take",
        "after-doubt-look-up",
        "inside-doubt-recording",
        # what providers tell us
        "after-inbox-insert",
        "after-inbox-take",
        "inside-inbox-answer",
        "after-inbox-apply",
        # the timetable and its jobs
        "inside-opening",
        "after-opening-chunk",
        "before-sealing",  # all of the month is open, its batch is not closed
        "inside-expiry",
        "after-expiry",
        "inside-reminding",
        "after-job",
        "inside-run-key",
        # the retailer's file
        "inside-import",
        "after-import",
    }
)
_armed: dict[str, int] = {}


class UnknownFailpointError(ValueError):
    """No place in the code has this name; backend/failpoints.py lists them."""


def parse_failpoints(words: str) -> Mapping[str, int]:
    """Read `name` or `name:hits`, separated by commas.

    Raises:
        UnknownFailpointError: there is no such place.
        ValueError: a count is no positive number.
    """
    wanted = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        name, _, hits = word.partition(":")
        if name not in NAMES:
            raise UnknownFailpointError(f"there is no failpoint {name}")
        if not (hits or "1").isascii() or not (hits or "1").isdigit() or int(hits or "1") < 1:
            raise ValueError(f"{word}: behind the colon stands how often the place is passed, from 1")
        wanted[name] = int(hits or "1")
    return wanted


def arm(name: str, *, hits: int = 1) -> None:
    """Let the process be killed (SIGKILL) when it reaches `name` for the `hits`-th time from now."""
    if name not in NAMES:
        raise UnknownFailpointError(f"there is no failpoint {name}")
    _armed[name] = hits


def failpoint(name: str) -> None:
    """Die here if this place is armed, naming it on standard error; otherwise do nothing."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] == 0:
        os.write(2, f"failpoint {name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
