"""The product's own processes, started, killed and started again; every death and its reason is remembered."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.commands import NURSERY, ROOT

_LAST_WORDS = re.compile(rb"^failpoint (\S+)$", re.MULTILINE)
_LONGEST_LINE = 1 << 20


@dataclass(kw_only=True)
class Process:
    """One OS process. `log` is where its output goes, from byte `born_at` on."""

    name: str
    words: Sequence[str]
    pid: int
    log: Path
    born_at: int
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = 0
    is_wanted: bool = False  # its death: the harness killed it

    def last_failpoint(self) -> str | None:
        """The place where it killed itself, if it did."""
        with self.log.open("rb") as file:
            file.seek(self.born_at)
            places = _LAST_WORDS.findall(file.read())
        return places[-1].decode() if places else None


@dataclass(kw_only=True)
class Deaths:
    """What the processes died of."""

    kills: int = 0  # SIGKILL by the harness
    failpoints: Counter[str] = field(default_factory=Counter)
    others: list[str] = field(default_factory=list)  # nobody wanted these: a bug


class Fleet:
    """Starts processes through the nursery and keeps the long-running ones alive."""

    def __init__(self, *, nursery: asyncio.subprocess.Process, folder: Path, env: Mapping[str, str]) -> None:
        self.deaths = Deaths()
        self.alive: dict[int, Process] = {}
        self.is_keeping_alive = True
        self.is_armed = True
        self._nursery, self._folder, self._env = nursery, folder, dict(env)
        self._births: asyncio.Queue[int] = asyncio.Queue()
        self._one_order = asyncio.Lock()
        self._restarts: set[asyncio.Task[None]] = set()
        self.failpoints_for: Callable[[str], str] = lambda _kind: ""  # the setting FAILPOINTS of the next start

    async def start(self, name: str, *words: str) -> Process:
        """Start one process; the first word says which kind it is."""
        async with self._one_order:
            log = self._folder / f"{name}.log"
            log.touch()  # who is killed at birth has not opened it yet
            born_at = log.stat().st_size
            armed = self.failpoints_for(words[0]) if self.is_armed else ""
            env = {**self._env, "FAILPOINTS": armed}
            order = {"words": words, "env": env, "log": str(log)}
            assert self._nursery.stdin is not None
            self._nursery.stdin.write((json.dumps(order) + "\n").encode())
            await self._nursery.stdin.drain()
            pid = await self._births.get()
            process = Process(name=name, words=words, pid=pid, log=log, born_at=born_at)
            self.alive[pid] = process
            return process

    async def run(self, name: str, *words: str, within: float = 60) -> int:
        """Run a command to its end; returns its exit status, negative when it was killed."""
        process = await self.start(name, *words)
        try:
            await asyncio.wait_for(process.dead.wait(), timeout=within)
        except TimeoutError:
            await self.kill(process)
        return process.code

    async def kill(self, process: Process) -> None:
        """SIGKILL, and wait until the kernel has taken everything back."""
        if process.dead.is_set():
            return
        process.is_wanted = True
        self.deaths.kills += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.dead.wait()

    async def kill_one(self, dice: random.Random) -> str | None:
        """SIGKILL somebody; who is kept alive comes back at once."""
        if not self.alive:
            return None
        victim = dice.choice(list(self.alive.values()))
        await self.kill(victim)
        return victim.name

    async def power_cut(self) -> None:
        """All of them at the same moment; nobody comes back until `power_on`."""
        self.is_keeping_alive = False
        while self.alive:
            await asyncio.gather(*(self.kill(process) for process in list(self.alive.values())))
        await asyncio.gather(*self._restarts)
        while self.alive:
            await asyncio.gather(*(self.kill(process) for process in list(self.alive.values())))

    async def power_on(self, crew: Sequence[tuple[str, str]]) -> None:
        """Start (name, kind) each, and keep them alive from now on."""
        self.is_keeping_alive = True
        for name, kind in crew:
            await self.start(name, kind)

    async def listen(self) -> None:
        """Hear what the nursery says, until it ends."""
        assert self._nursery.stdout is not None
        async for line in self._nursery.stdout:
            news = json.loads(line)
            if "born" in news:
                self._births.put_nowait(int(news["born"]))
                await asyncio.sleep(0)  # the birth is noted before the death is told
            elif "died" in news:
                await self._bury(int(news["died"]), int(news["code"]))

    async def _bury(self, pid: int, code: int) -> None:
        while pid not in self.alive:  # noqa: ASYNC110 - its birth was told a moment ago
            await asyncio.sleep(0.001)
        process = self.alive.pop(pid)
        process.code = code
        place = process.last_failpoint()
        is_command = process.words[0] not in {"web", "worker", "scheduler"}
        if place is not None:
            self.deaths.failpoints[place] += 1
        elif not process.is_wanted and not is_command:
            self.deaths.others.append(f"{process.name} ended by itself with {code}; see {process.log}")
        process.dead.set()
        if self.is_keeping_alive and not is_command:
            task = asyncio.create_task(self._again(process))
            self._restarts.add(task)
            task.add_done_callback(self._restarts.discard)

    async def _again(self, process: Process) -> None:
        if self.is_keeping_alive:
            await self.start(process.name, *process.words)


@asynccontextmanager
async def running_fleet(*, folder: Path, env: Mapping[str, str]) -> AsyncIterator[Fleet]:
    """A fleet with its nursery; whoever lives at the end is killed."""
    nursery = await asyncio.create_subprocess_exec(
        sys.executable,
        str(NURSERY),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
        env={"PATH": env["PATH"], "PYTHONPATH": str(ROOT)},
        limit=_LONGEST_LINE,
    )
    assert nursery.stdout is not None
    await nursery.stdout.readline()
    fleet = Fleet(nursery=nursery, folder=folder, env=env)
    async with asyncio.TaskGroup() as group:  # a run whose deaths nobody hears of would wait for ever: it ends
        listening = group.create_task(fleet.listen())
        try:
            yield fleet
        finally:
            fleet.is_keeping_alive = False
            assert nursery.stdin is not None
            nursery.stdin.close()
            await nursery.wait()
            listening.cancel()
