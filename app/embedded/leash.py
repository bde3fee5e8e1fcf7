"""Become a program that dies with its parent: `leash.py PARENT_PID SIGNAL PROGRAM ARG…`.

The kernel is asked to see to it, and forgets when credentials change, so this runs after `unshare` or `setpriv`, as
the last step before PostgreSQL. It is run as a plain file by an isolated interpreter and imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int, signal_number: int) -> None:
    """Have the kernel send `signal_number` to this process when the thread that started it ends (Linux only).

    Raises SystemExit when the parent is gone already: it died before the kernel could be asked.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        raise SystemExit("the process that asked for this one has ended")


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]), int(sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606  # becoming the program is the point
