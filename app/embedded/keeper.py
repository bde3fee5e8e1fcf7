"""The keeper: a detached process that owns one embedded PostgreSQL and stops it when nobody uses it any more.

Users hold a shared lock, which the kernel drops however they end. The keeper tries for the exclusive lock; once it
has it, nobody is left, and a newcomer waits until the server has stopped and starts a keeper of its own. PostgreSQL
in turn is told by the kernel when the keeper dies. So nothing is left behind, whoever is killed. A server that ends
while it is used is started again, for as long as anyone uses it.

Started as `python -m app.embedded.keeper DATA_DIR DURABLE SERVER_LOCK_FD REPORT_FD`, with the server lock held.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.embedded.cluster import (
    Binaries,
    Rights,
    clean_environment,
    find_binaries,
    find_rights,
    forget_dead_server,
    leashed,
    make_cluster,
    server_is_ready,
    server_pid,
)
from app.embedded.places import PORT, EmbeddedUnavailable, Places, open_own, prepare, tail, try_lock

READY = "ready"
POLL_SECONDS = 0.1
START_SECONDS = 120  # recovery after a power loss can take long
STOP_SECONDS = 60
RESTART_DELAY_SECONDS = 0.5  # doubled with each failure
RESTART_DELAY_MAX_SECONDS = 15.0
ORPHAN_SECONDS = 5.0
LOG_MAX_BYTES = 5_000_000
PR_SET_CHILD_SUBREAPER = 36

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # details name whole rows, and so what points at a reader
    "log_timezone": "UTC",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class StopError(Exception):
    """Somebody asked the keeper to end (SIGTERM, SIGINT)."""


def main(arguments: list[str]) -> None:
    """Start the server, report on it, keep it while it is used, stop it."""
    data_dir, durable, lock, report = Path(arguments[0]), arguments[1] == "1", int(arguments[2]), int(arguments[3])
    if os.fork():  # the starter is not to collect us: it may outlive us, or end long before
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    os.umask(0o077)
    _adopt_orphans()
    server = None
    try:
        places = prepare(data_dir)
        users = open_own(places.users_lock)
        binaries = find_binaries(places.cluster)
        rights = find_rights(places, binaries)
        forget_dead_server(places)
        make_cluster(places, binaries, rights, durable=durable, held=lock)
        start = partial(_start, places, binaries, rights, durable=durable, held=lock)
        server = start()
        _report(report, READY)
        while _used_for(POLL_SECONDS, users):
            if server.poll() is not None:
                server = _restart(start, users) or server
    except StopError:
        pass
    except Exception as error:
        known = isinstance(error, (EmbeddedUnavailable, OSError))
        _report(report, str(error) if known else f"{type(error).__name__}: {error}")
    finally:
        if server is not None:
            _end(server)


def _stop(_number: int, _frame: object) -> None:
    raise StopError


def _report(descriptor: int, text: str) -> None:
    """Tell the starter how it went, once; it may be gone, and after the first report nobody listens."""
    with contextlib.suppress(OSError):
        os.write(descriptor, text.encode())
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _start(
    places: Places, binaries: Binaries, rights: Rights, *, durable: bool, held: int
) -> subprocess.Popen[bytes]:
    """Start PostgreSQL and return it once it accepts connections. Raises EmbeddedUnavailable with its last words."""
    settings = SETTINGS if durable else SETTINGS | THROW_AWAY
    command = [binaries.path("postgres"), "-D", str(places.cluster), "-k", str(places.socket_dir)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    if rights.uid != os.geteuid():
        os.chown(places.socket_dir, rights.uid, rights.gid)
    if places.log.exists() and places.log.stat().st_size > LOG_MAX_BYTES:
        places.log.replace(places.log.with_suffix(".log.1"))
    with os.fdopen(open_own(places.log), "ab") as log:
        server = subprocess.Popen(  # noqa: S603
            leashed(rights, signal.SIGINT, command),  # SIGINT: fast shutdown
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(held,),
            env=clean_environment(),
        )
    deadline = time.monotonic() + START_SECONDS
    while not (server_pid(places) == server.pid and server_is_ready(places)):
        if server.poll() is not None or time.monotonic() > deadline:
            _end(server)
            raise EmbeddedUnavailable(f"PostgreSQL did not start; {places.log} ends with:\n{tail(places.log)}")
        time.sleep(0.01)
    return server


def _used_for(seconds: float, users: int) -> bool:
    """Wait, and say whether anyone uses the server; as soon as nobody does, newcomers are kept out."""
    deadline = time.monotonic() + seconds
    while not (unused := try_lock(users, fcntl.LOCK_EX)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return not unused


def _restart(start: Callable[[], subprocess.Popen[bytes]], users: int) -> subprocess.Popen[bytes] | None:
    """Start a server that was killed once more, however often that takes; None when nobody uses it any more.

    What keeps it from starting (a full disk, what is left of the old one) may pass; why it failed is in its log.
    """
    delay = RESTART_DELAY_SECONDS
    while _used_for(delay, users):
        _end_orphans()
        with contextlib.suppress(EmbeddedUnavailable):
            return start()
        delay = min(2 * delay, RESTART_DELAY_MAX_SECONDS)
    return None


def _adopt_orphans() -> None:
    """Have the kernel make us the parent of what a killed server leaves running (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    """End the processes that a killed server has left: busy ones go on, and no other starts beside them.

    The server itself would end them so, at once and without a word to the data, which recovery then makes whole.
    Call it while no server of ours runs. They are children of ours, so no number can be anyone else's by now.
    """
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for orphan in _children():
            with contextlib.suppress(OSError):
                os.kill(orphan, number)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while _children() and time.monotonic() < deadline:
            time.sleep(0.01)


def _children() -> list[int]:
    """Return the children that still run, and let go of those that have ended."""
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    except OSError:  # a kernel that does not list them
        return []
    return [child for child in map(int, listed) if not _has_ended(child)]


def _has_ended(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def _end(server: subprocess.Popen[bytes]) -> None:
    """Stop PostgreSQL: politely, then at once, then by force."""
    for number, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if server.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience)


if __name__ == "__main__":
    main(sys.argv[1:])
