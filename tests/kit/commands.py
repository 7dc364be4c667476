"""Runs the operator's commands to their end, each in a process of its own: what was printed, and the exit status.

They are forked from one process that has read the product's code already; `python -m app` itself is what the tests of
the long-running processes start.
"""

import asyncio
import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NURSERY = Path(__file__).with_name("nursery.py")


class _Nursery:
    """The process that forks them, one command after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(NURSERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        atexit.register(self._close)
        self._one = threading.Lock()
        self._hear("ready")

    def run(self, order: Mapping[str, object]) -> int:
        """The exit status of one command."""
        assert self._process.stdin is not None
        with self._one:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            self._hear("born")
            return int(self._hear("died")["code"])

    def _hear(self, what: str) -> dict[str, int]:
        assert self._process.stdout is not None
        news: dict[str, int] = json.loads(self._process.stdout.readline())
        assert what in news, news
        return news

    def _close(self) -> None:
        self._process.communicate()


_nursery = functools.cache(_Nursery)


async def run(*words: str, env: Mapping[str, str], has_errors: bool = True) -> tuple[int, str]:
    """Run `tsukibarai` with these words; the exit status and what it printed, with or without what went to stderr."""
    return await asyncio.to_thread(_run, words, env, has_errors=has_errors)


def _run(words: Sequence[str], env: Mapping[str, str], *, has_errors: bool) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said")
        errors = said if has_errors else os.devnull
        status = _nursery().run({"words": words, "env": dict(env), "log": str(said), "errors": str(errors)})
        return status, said.read_text()
