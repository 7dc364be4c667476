"""Decides as whom the embedded PostgreSQL runs, because it refuses root; it starts no server.

A normal user runs it directly. Root enters a user namespace in which root's files belong to an
ordinary user (nothing is chowned, no account is made, folders under /root stay closed); where
namespaces are forbidden, as in many containers, root hands the folder to `nobody`.
"""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_CHILD = Path(__file__).with_name("embedded_child.py")


class NoAccountError(RuntimeError):
    """PostgreSQL cannot run as root here; run as a normal user or set DATABASE_URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user (`uid`, `gid`) and the command prefix under which the server's programs run."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def command(self, *words: str | Path) -> list[str]:
        """Return the command that runs `words` as this account and ends with this process."""
        who = (str(os.getpid()), str(self.uid), str(self.gid))
        child = (sys.executable, "-I", "-S", str(_CHILD), *who)
        return [*child, *self.prefix, *(str(word) for word in words)]

    def give(self, folder: Path) -> None:
        """Make `folder` private to this account."""
        folder.chmod(0o700)
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)


def choose_account(*, home: Path, cluster: Path, bindir: Path) -> Account:
    """Return the account that owns `cluster`, or, for a new one, the best that works in `home`.

    Raises `NoAccountError` when root finds neither a user namespace nor a usable `nobody`, or
    when the cluster belongs to somebody else.
    """
    if os.geteuid() != 0:
        return _ourselves(cluster)
    candidates = _candidates_of_root(cluster.stat().st_uid if cluster.exists() else None)
    for account in candidates:
        if _can_work(account, home=home, bindir=bindir):
            return account
    raise NoAccountError(
        f"PostgreSQL refuses to run as root, and neither a user namespace (unshare) nor the user"
        f" nobody can reach {bindir} and {home}. Run as a normal user, or set DATABASE_URL."
    )


def _ourselves(cluster: Path) -> Account:
    if cluster.exists() and cluster.stat().st_uid != os.geteuid():
        raise NoAccountError(
            f"{cluster} belongs to {_name(cluster.stat().st_uid)}. Run as that user, or choose another DATA_DIR."
        )
    return Account(uid=os.geteuid(), gid=os.getegid())


def _candidates_of_root(owner: int | None) -> list[Account]:
    candidates = []
    unshare = shutil.which("unshare")
    if owner in (None, 0) and unshare:
        # initdb insists that the number it sees has a name; which one does not matter
        named = next(user for user in pwd.getpwall() if user.pw_uid != 0)
        ids = (f"--map-user={named.pw_uid}", f"--map-group={named.pw_gid}")
        candidates.append(Account(uid=0, gid=0, prefix=(unshare, "-U", *ids)))
    if owner != 0:
        other = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
        candidates.append(Account(uid=other.pw_uid, gid=other.pw_gid))
    return candidates


def _can_work(account: Account, *, home: Path, bindir: Path) -> bool:
    """Return whether the account starts the programs and can pass through `home`."""
    for words in (("/bin/ls", "-d", home / "."), (bindir / "postgres", "--version")):
        done = subprocess.run(account.command(*words), capture_output=True, timeout=10, check=False)
        if done.returncode != 0:
            return False
    return True


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
