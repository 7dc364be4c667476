"""Looks whether a process can have its folder and its ports before it begins; if not, says what to do."""

import errno
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.settings import Settings
from backend.store.embedded_files import try_lock

_REASONS: Mapping[int, str] = {
    errno.EADDRINUSE: "is taken already: stop what listens there, or set {name} to another port",
    errno.EACCES: "is not open to this user: set {name} to a port above 1023",
}


class CannotBeginError(Exception):
    """What keeps a process from beginning, in a sentence with the remedy."""


@contextmanager
def only_demo(data_dir: Path) -> Iterator[None]:
    """Keep every other demo out of the data folder: it would empty the database under this one.

    Raises:
        CannotBeginError: one is running already, or the folder cannot be used.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = try_lock(data_dir / "demo.lock")
    except OSError as problem:
        raise CannotBeginError(
            f"DATA_DIR: {data_dir} cannot be used ({problem.strerror}); name a folder that may be written"
        ) from None
    if lock is None:
        raise CannotBeginError(
            f"A demo is running with the data in {data_dir} already: open its phone page, or stop it first."
            " A second one needs a DATA_DIR and ports of its own (docs/settings.md)."
        )
    with lock:
        yield


def check_demo_ports(settings: Settings) -> None:
    """See that all ports of a demo are free, each for itself.

    Raises:
        CannotBeginError: one cannot be had; the sentence names the setting.
    """
    names = ("web_port", "phone_port", "gateway_port", "line_port", "twilio_port")
    check_ports(settings.web_host, {name.upper(): getattr(settings, name) for name in names})


def check_ports(host: str, ports: Mapping[str, int], *, is_shared: bool = False) -> None:
    """See that these ports can be had at this host. Web processes share theirs with each other.

    Raises:
        CannotBeginError: one cannot be had; the sentence names the setting.
    """
    with ExitStack() as held:
        for name, port in ports.items():
            for family, address in _addresses(host, port):
                held.enter_context(_bound(name, port, family, address, is_shared=is_shared))


def _addresses(host: str, port: int) -> Sequence[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise CannotBeginError(
            f"WEB_HOST: {host} is not an address of this machine; set it to one, such as 127.0.0.1"
        ) from None
    return [(family, address) for family, _, _, _, address in found]


def _bound(name: str, port: int, family: int, address: tuple[object, ...], *, is_shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        if not is_shared:  # whoever shares the port gets visitors once it listens, and would turn them away
            listener.listen()
    except OSError as problem:
        listener.close()
        raise CannotBeginError(_sentence(name, port, problem)) from None
    return listener


def _sentence(name: str, port: int, problem: OSError) -> str:
    if problem.errno is not None and problem.errno in _REASONS:
        return f"{name}: port {port} {_REASONS[problem.errno].format(name=name)}"
    return f"WEB_HOST: it is not possible to listen there ({problem.strerror}); set it to one such as 127.0.0.1"
