"""Keeps Python's collector away from what lasts, in a process that serves.

A network and a register are a million objects that live as long as their version. A full collection looks at each of
them, which stands still for up to a second, and asking systems makes enough short-lived circles for one every few
seconds. What is set aside is freed by counting when its version is let go, and looked at again with the next one.
"""

from __future__ import annotations

import gc

# Collections of the young after so many new objects, of the middle-aged after ten of those, and of all that is left
# after fifty of these: Python's own (700, 10, 10) are for programs that do not hold hundreds of answers at once.
THRESHOLDS = 20_000, 10, 50


class _Process:
    """This process, whose memory is one: a program that only borrows the service does not want it arranged."""

    serves = False


def begin() -> None:
    """Collect less often from now on, and heed `set_aside`: for a process that does nothing but serve."""
    _Process.serves = True
    gc.set_threshold(*THRESHOLDS)


def set_aside() -> None:
    """Take what is in memory now out of later collections, after a last one of everything.

    That one stands still for a third of a second with a national network: for once a version, and not more often.
    What is set aside while it is in use, and ends in a circle later, stays until the next version.
    """
    if not _Process.serves:
        return
    gc.unfreeze()
    gc.collect()
    gc.freeze()
