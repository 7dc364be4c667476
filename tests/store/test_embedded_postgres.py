"""The embedded PostgreSQL with real processes, real signals and real data folders."""

import os
import re
import signal
from pathlib import Path

import pytest

from backend.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, embedded_postgres
from tests.store.embedded_servers import (
    FAST,
    ask,
    eventually,
    is_gone,
    open_folder,
    owner,
    postmaster_pid,
    somebody_else,
    url_of,
)

_MAKE_A_BILL = "create table bill as select 7600 as amount"
_READ_THE_BILL = "select amount from bill"


def test_the_first_start_makes_the_database_and_the_stop_leaves_no_process(tmp_path: Path) -> None:
    server = EmbeddedPostgres(data_dir=tmp_path, settings=FAST)

    url = server.start()
    pid = postmaster_pid(tmp_path)
    database = ask(url, "select current_database()")
    server.stop()

    assert re.fullmatch(r"postgresql\+asyncpg://postgres@/tsukibarai\?host=/[^?]+", url)
    assert database == "tsukibarai"
    assert is_gone(pid)


async def test_the_server_runs_for_the_body_of_an_async_with(tmp_path: Path) -> None:
    async with embedded_postgres(data_dir=tmp_path, settings=FAST) as url:
        answer = ask(url, "select 1")
        pid = postmaster_pid(tmp_path)

    assert answer == "1"
    assert is_gone(pid)


def test_data_survives_a_restart(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as first:
        ask(first.start(), _MAKE_A_BILL)

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as second:
        amount = ask(second.start(), _READ_THE_BILL)

    assert amount == "7600"


def test_a_long_path_with_spaces_and_japanese_letters_is_fine(tmp_path: Path) -> None:
    folder = tmp_path / "月払い の データ" / ("電" * 60) / "%41 'x'"

    with EmbeddedPostgres(data_dir=folder, settings=FAST) as server:
        answer = ask(server.start(), "select 1")

    assert answer == "1"


def test_every_server_sorts_by_code_point_and_lowers_wide_letters(tmp_path: Path) -> None:
    sql = "select string_agg(w, ' ' order by w), lower('ÀＡ') from unnest('{b,a,Z,ア,亜}'::text[]) w"

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        answer = ask(server.start(), sql)

    assert answer == "Z a b ア 亜|àａ"


def test_writes_are_durable_unless_the_caller_says_otherwise(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path) as server:
        durable = ask(server.start(), "show fsync")
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        fast = ask(server.start(), "show fsync")

    assert (durable, fast) == ("on", "off")


def test_no_network_port_is_opened(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        listening = ask(server.start(), "show listen_addresses")

    assert listening == ""


def test_only_its_owner_reaches_the_socket(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        folder = Path(server.start().partition("?host=")[2])
        mode = folder.stat().st_mode & 0o777

    assert mode == 0o700


def test_a_second_process_shares_the_server_and_does_not_stop_it(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        first_url = server.start()
        with owner(tmp_path) as sharer:
            shared_url = url_of(sharer)
        answer = ask(first_url, "select 1")

    assert shared_url == first_url
    assert answer == "1"


def test_two_processes_that_start_at_once_get_one_server(tmp_path: Path) -> None:
    with owner(tmp_path) as one, owner(tmp_path) as other:
        urls = {url_of(one), url_of(other)}

    assert len(urls) == 1


def test_starting_twice_is_starting_once(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        pid = postmaster_pid(tmp_path)
        server.start()
        same = postmaster_pid(tmp_path) == pid

    assert same
    assert is_gone(pid)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_the_server_stops_when_its_owner_is_ended(tmp_path: Path, sign: signal.Signals) -> None:
    with owner(tmp_path) as process:
        url_of(process)
        pid = postmaster_pid(tmp_path)
        process.send_signal(sign)

    assert eventually(lambda: is_gone(pid))


def test_a_start_right_after_a_killed_owner_finds_all_data(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        ask(url_of(process), _MAKE_A_BILL)
        process.kill()

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        amount = ask(server.start(), _READ_THE_BILL)

    assert amount == "7600"


def test_a_killed_server_recovers_at_the_next_start(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        ask(url_of(process), _MAKE_A_BILL)
        os.kill(postmaster_pid(tmp_path), signal.SIGKILL)

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        amount = ask(server.start(), _READ_THE_BILL)

    assert amount == "7600"


def test_a_pid_file_that_names_a_living_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        url_of(process)
        left_behind = (tmp_path / "pg" / "postmaster.pid").read_text()
        stale = left_behind.replace(str(postmaster_pid(tmp_path)), str(os.getpid()), 1)
    socket_lock = Path(stale.splitlines()[4]) / ".s.PGSQL.5432.lock"
    (tmp_path / "pg" / "postmaster.pid").write_text(stale)
    socket_lock.parent.mkdir(mode=0o700)
    socket_lock.write_text(stale)

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        answer = ask(server.start(), "select 1")

    assert answer == "1"


def test_an_interrupted_first_start_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    half = tmp_path / "pg.new" / "base"
    half.mkdir(parents=True)
    (tmp_path / "pg.new" / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        answer = ask(server.start(), "select 1")

    assert answer == "1"


def test_a_dropped_database_is_made_again(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        ask(server.start(), "drop database tsukibarai", database="postgres")

    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST) as server:
        answer = ask(server.start(), "select 1")

    assert answer == "1"


def test_data_of_another_major_version_are_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 9, .* pg_upgrade"):
        EmbeddedPostgres(data_dir=tmp_path).start()


def test_a_server_that_cannot_start_tells_its_own_reason(tmp_path: Path) -> None:
    server = EmbeddedPostgres(data_dir=tmp_path, settings={"no_such_setting": "1"})

    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        server.start()


def test_a_terminal_interrupt_does_not_reach_the_server(tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir=tmp_path, settings=FAST):
        session = os.getsid(postmaster_pid(tmp_path))

    assert session != os.getsid(0)


def test_a_normal_user_runs_it_too() -> None:
    with open_folder() as folder, owner(folder / "var", by=somebody_else()) as process:
        answer = ask(url_of(process), _MAKE_A_BILL)

    assert answer == "SELECT 1"
