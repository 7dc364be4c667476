"""Child processes of a bench: started, timed by what the kernel knows of them, and always ended."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from os import cpu_count, getloadavg, sysconf
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 20  # seconds to end by itself
_TICKS = sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A running child; `address` is the first line it printed, if it was asked for one."""

    name: str
    pid: int
    address: str = ""

    def cpu_seconds(self) -> float:
        """CPU time of the process, of its children that live and of those that have ended."""
        return cpu_seconds(self.pid)

    def peak_megabytes(self) -> float:
        """The most memory that was ever resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of everything it has started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(_gone_is_zero(int(child)) for child in children)


def _gone_is_zero(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except FileNotFoundError:
        return 0.0


def outsider(name: str, kind: str) -> AbstractContextManager[Child]:
    """An emulator in a process of its own: `line` or `gateway`."""
    return python(name, "-m", "bench.kit.outsiders", kind, prints_address=True)


@contextmanager
def python(name: str, *words: str, prints_address: bool = False, **settings: object) -> Iterator[Child]:
    """Run `python words...` in the project's folder; `settings` are its whole environment."""
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **{key.upper(): str(value) for key, value in settings.items()}},
        stdout=subprocess.PIPE if prints_address else sys.stderr,
        text=True,
    )
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        yield Child(name=name, pid=process.pid, address=address)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def cpu_of(children: Sequence[Child], into: dict[str, float]) -> Iterator[Mapping[str, float]]:
    """Add the CPU seconds that these processes use during the block, by name."""
    before = {child.pid: child.cpu_seconds() for child in children}
    yield into
    for child in children:
        into[child.name] = into.get(child.name, 0.0) + child.cpu_seconds() - before[child.pid]


def each(cpu: Mapping[str, float], count: int) -> str:
    """The CPU time of one thing of many, by process."""
    return ", ".join(f"{name} {seconds / count * 1e6:.0f} µs" for name, seconds in cpu.items())


def print_load() -> None:
    """Who else is at work on this machine: rates depend on it, CPU times a little, ratios least."""
    print(f"{cpu_count()} cores, load average {getloadavg()[0]:.1f} before the start", flush=True)
