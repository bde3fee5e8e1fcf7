"""The embedded PostgreSQL: `with running(data_dir) as url:` and there is a server, private to this user, no TCP.

Any number of processes may use one data folder at once; the first starts the server, the last one out has it stopped,
also when that last one is killed. See `keeper` for how.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.cluster import clean_environment, server_is_ready
from app.embedded.places import EmbeddedUnavailable, Places, open_own, prepare, tail, try_lock

__all__ = ["EmbeddedUnavailable", "running"]

READY = "ready"  # what the keeper reports when it went well
WAIT_SECONDS = 180.0
LEAVE_SECONDS = 15.0
POLL_SECONDS = 0.05
SOURCES = Path(__file__).resolve().parents[2]


@contextmanager
def running(data_dir: Path, *, durable: bool = True) -> Iterator[str]:
    """Yield the address of the embedded PostgreSQL that keeps its data in `data_dir`, started where it does not run.

    `durable=False` trades safety for speed (tests): a crash may lose the data. Whoever starts the server decides.
    Data stays between runs. Raises EmbeddedUnavailable with a reason for people.
    """
    places = prepare(data_dir)
    users = open_own(places.users_lock)
    try:
        if not _wait(lambda: try_lock(users, fcntl.LOCK_SH), WAIT_SECONDS):
            raise EmbeddedUnavailable(
                f"the PostgreSQL in {places.data_dir} has been stopping for {WAIT_SECONDS:.0f} s"
            )
        if not _wait(lambda: _started(places, durable=durable) or server_is_ready(places), WAIT_SECONDS):
            raise EmbeddedUnavailable(f"PostgreSQL is not ready; {places.log} ends with:\n{tail(places.log)}")
        yield places.url
    finally:
        os.close(users)
        _wait(lambda: _stopped_or_used(places), LEAVE_SECONDS)


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _started(places: Places, *, durable: bool) -> bool:
    """Start a keeper if nothing runs in this data folder and say whether that was so; it is ready then.

    Who holds the server lock may start; the keeper inherits it, so no moment is left for two. Raises
    EmbeddedUnavailable with what the keeper reports.
    """
    lock = open_own(places.server_lock)
    try:
        if not try_lock(lock, fcntl.LOCK_EX):
            return False
        answer = _start_keeper(places, durable=durable, lock=lock)
    finally:
        os.close(lock)
    if answer != READY:
        said = answer or f"its keeper ended; {places.log} ends with:\n{tail(places.log)}"
        raise EmbeddedUnavailable(f"the embedded PostgreSQL cannot be started: {said}")
    return True


def _start_keeper(places: Places, *, durable: bool, lock: int) -> str:
    """Start a keeper that inherits `lock` and return what it reports."""
    listen, report = os.pipe()
    with os.fdopen(listen, encoding="utf-8", errors="replace") as pipe:
        found_in = os.pathsep.join(filter(None, (str(SOURCES), *sys.path)))
        command = [sys.executable, "-m", "app.embedded.keeper", str(places.data_dir), str(int(durable))]
        try:
            with os.fdopen(open_own(places.log), "ab") as log:
                keeper = subprocess.Popen(  # noqa: S603
                    [*command, str(lock), str(report)],
                    cwd=SOURCES,
                    env=clean_environment() | {"PYTHONPATH": found_in},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock, report),
                    start_new_session=True,  # Ctrl-C is for its users
                )
        finally:
            os.close(report)
        keeper.wait()  # it detaches itself at once
        return pipe.read()


def _stopped_or_used(places: Places) -> bool:
    """Say whether there is nothing to wait for: the server has stopped, or others still use it."""
    server, users = open_own(places.server_lock), open_own(places.users_lock)
    try:
        if try_lock(server, fcntl.LOCK_SH):
            return True
        alone = try_lock(users, fcntl.LOCK_EX)
        return not alone and try_lock(users, fcntl.LOCK_SH)  # held exclusively: the keeper is stopping it
    finally:
        os.close(server)
        os.close(users)
