"""What keeps a process from beginning is said in a sentence, before anything is touched."""

import socket
from pathlib import Path

import pytest

from app.settings import Settings
from app.start_checks import CannotBeginError, check_demo_ports, check_ports, only_demo
from tests.kit.commands import run
from tests.kit.servers import free_port

PORTS = ("web_port", "phone_port", "gateway_port", "line_port", "twilio_port")


def demo_settings(**values: object) -> Settings:
    return Settings(**{name: free_port() for name in PORTS} | values)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PORTS)
def test_a_port_that_is_taken_is_named_with_its_setting(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(CannotBeginError, match=f"{name.upper()}: port {port} is taken already"):
            check_demo_ports(demo_settings(**{name: port}))


def test_two_of_our_own_cannot_share_a_port() -> None:
    port = free_port()

    with pytest.raises(CannotBeginError, match=f"PHONE_PORT: port {port} is taken already"):
        check_demo_ports(demo_settings(web_port=port, phone_port=port))


def test_free_ports_are_still_free_afterwards() -> None:
    settings = demo_settings()

    check_demo_ports(settings)
    check_demo_ports(settings)


def test_a_host_that_is_not_of_this_machine_is_refused() -> None:
    with pytest.raises(CannotBeginError, match=r"WEB_HOST: nobody\.invalid is not an address of this machine"):
        check_demo_ports(demo_settings(web_host="nobody.invalid"))


def test_web_processes_share_their_port() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()

        check_ports("127.0.0.1", {"WEB_PORT": other.getsockname()[1]}, is_shared=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotBeginError, match=r"DATA_DIR: .* cannot be used"), only_demo(tmp_path / "file" / "data"):
        raise AssertionError("began without a folder")


async def test_a_second_demo_in_the_same_folder_leaves_the_first_alone(tmp_path: Path) -> None:
    log = tmp_path / "tsukibarai.log"
    log.write_text("of the first")

    with only_demo(tmp_path):
        status, said = await run("dev", env={"DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"})

    assert status == 2
    assert said.startswith(f"A demo is running with the data in {tmp_path} already")
    assert len(said.splitlines()) == 1
    assert log.read_text() == "of the first"


async def test_a_web_process_without_its_port_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, said = await run("web", env={"DATA_DIR": str(tmp_path), "WEB_PORT": str(port)})

    assert (status, said) == (
        2,
        f"WEB_PORT: port {port} is taken already: stop what listens there, or set WEB_PORT to another port\n",
    )
