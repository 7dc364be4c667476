"""As whom the embedded PostgreSQL runs, and where its programs are found."""

import os
import subprocess
from pathlib import Path

import pytest

from backend.store.embedded import find_binaries
from backend.store.embedded_account import choose_account
from backend.store.embedded_binaries import PostgresNotFoundError, major_version
from tests.store.embedded_servers import ask, open_folder, owner, programs_in, url_of


def test_the_programs_come_from_a_folder_that_has_all_of_them() -> None:
    folder = find_binaries()

    assert {"initdb", "postgres", "psql"} <= {program.name for program in folder.iterdir()}
    assert major_version(folder) >= 15


def test_a_named_folder_is_used_and_no_other(tmp_path: Path) -> None:
    named = find_binaries()

    assert find_binaries(bindir=named) == named
    with pytest.raises(PostgresNotFoundError, match="DATABASE_URL"):
        find_binaries(bindir=tmp_path)


def test_programs_that_do_not_run_have_no_version(tmp_path: Path) -> None:
    assert major_version(tmp_path) == 0


def test_the_chosen_account_is_never_root_in_the_eyes_of_the_server(tmp_path: Path) -> None:
    account = choose_account(home=tmp_path, cluster=tmp_path / "pg", bindir=find_binaries())

    said = subprocess.run(account.command("/usr/bin/id", "-u"), capture_output=True, text=True, timeout=10, check=True)

    assert int(said.stdout) > 0


def test_without_user_namespaces_root_becomes_nobody_and_the_data_stay_theirs() -> None:
    no_unshare = "/nonexistent"
    with open_folder() as folder:
        bindir = programs_in(folder)
        with owner(folder / "var", bindir, path=no_unshare) as process:
            ask(url_of(process), "create table bill as select 7600 as amount")

        with owner(folder / "var", bindir) as process:
            amount = ask(url_of(process), "select amount from bill")
        private = (folder / "var" / "pg").stat()

    assert amount == "7600"
    assert private.st_mode & 0o777 == 0o700
    assert private.st_uid != 0
    assert os.geteuid() in (0, private.st_uid)
