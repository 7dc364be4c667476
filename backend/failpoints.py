"""Named places where a process can be made to die, so that tests prove what a kill leaves behind.

Nothing happens unless a name was armed, which production refuses (docs/settings.md, `FAILPOINTS`).
"""

import os
import signal

_armed: dict[str, int] = {}


def arm(name: str, *, hits: int = 1) -> None:
    """Let the process be killed (SIGKILL) when it reaches `name` for the `hits`-th time from now."""
    _armed[name] = hits


def failpoint(name: str) -> None:
    """Die here without a word if this place is armed; otherwise do nothing."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
