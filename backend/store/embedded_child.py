"""Runs one program that must not outlive its owner; it is started as a script, never imported.

Usage: embedded_child.py OWNER_PID UID GID PROGRAM [ARGUMENT...]

A script of its own, because the usual place for these calls (`preexec_fn`) may deadlock in a
process with threads, and because changing the user clears the parent-death signal: the order
here matters.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _main() -> None:
    owner, uid, gid = (int(number) for number in sys.argv[1:4])
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != owner:
            sys.exit("The process that asked for this server is gone.")
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - replacing this process is the purpose


if __name__ == "__main__":
    _main()
