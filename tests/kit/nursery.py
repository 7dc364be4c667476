"""Forks the product's processes: each begins as `python -m app ...` would, without paying for the imports again.

It is started as a script, reads one JSON order a line (`{"words", "env", "log"}`, and `errors` where stderr goes
elsewhere), and tells of every birth and death as a JSON line. Its children die with it, and it ends when nobody gives
orders any more.
"""

# ruff: noqa: PLC0415, F401, I001 - what a child needs is imported once, here, before the first fork

import ctypes
import gc
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def _say(**news: object) -> None:
    os.write(1, (json.dumps(news) + "\n").encode())


def _bury(_number: int, _frame: object) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(died=pid, code=os.waitstatus_to_exitcode(status))


def _live(order: dict[str, object]) -> None:
    """In the child: become the ordered process. Never returns."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log, errors = (os.open(str(order.get(name, order["log"])), _APPEND, 0o600) for name in ("log", "errors"))
    for source, target in ((nothing, 0), (log, 1), (errors, 2)):
        os.dup2(source, target)
    os.environ.clear()  # noqa: TID251 - this is the environment of a new process
    os.environ.update(order["env"])  # type: ignore[call-overload]  # noqa: TID251
    sys.argv = ["tsukibarai", *order["words"]]  # type: ignore[misc]
    from app.__main__ import main

    main()


def _read_words() -> None:
    """Compile the words of chats and pages once, for all children (they would take half a second each)."""
    from app.compose import TEMPLATES, wording_of
    from app.settings import Settings
    from backend.web.app import compile_pages

    settings = Settings()
    wording_of(settings)
    compile_pages(TEMPLATES / "pages", sender_name=settings.sender_name, support_phone=settings.support_phone)


def _nurse() -> None:
    import app.__main__
    import app.cli_import
    import app.compose
    import app.tick
    import app.web
    import scheduler.runner
    import scheduler.worker
    import twilio.rest.api.v2010  # the SDK imports it at the first call otherwise
    import uvloop

    _read_words()
    gc.collect()
    gc.freeze()  # the children share what was read here: a collection of theirs that walked through it would copy it
    signal.signal(signal.SIGCHLD, _bury)
    _say(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # nobody dies before the birth is told
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            _live(order)
            os._exit(0)
        _say(born=pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


if __name__ == "__main__":
    _nurse()
