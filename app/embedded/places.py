"""Where the embedded PostgreSQL keeps things below its data folder, and the locks that say who uses them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PORT = 5432
ROLE = "leenpad"
DATABASE = "leenpad"
SOCKET_PATH_MAX_BYTES = 107
LOG_TAIL_LINES = 12


class EmbeddedUnavailable(Exception):  # noqa: N818  # it names a state of things, for callers to tell people
    """The embedded PostgreSQL cannot be had; str() says why and what to do about it."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one data folder.

    `users_lock` is held shared by every process that uses the server and exclusively by a keeper that is stopping it.
    `server_lock` is held by the keeper and, inherited, by every PostgreSQL process: free means that nothing runs.
    """

    data_dir: Path
    cluster: Path
    socket_dir: Path
    log: Path
    users_lock: Path
    server_lock: Path

    @property
    def socket(self) -> Path:
        """The socket that PostgreSQL listens on."""
        return self.socket_dir / f".s.PGSQL.{PORT}"

    @property
    def url(self) -> str:
        """The address for asyncpg, SQLAlchemy and psql; the port is named so that PGPORT cannot change it."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.socket_dir))}&port={PORT}"


def prepare(data_dir: Path) -> Places:
    """Make the data folder and its socket folder, for this user's eyes only, and return what lies where.

    Raises EmbeddedUnavailable when a folder cannot be made or belongs to somebody else.
    """
    try:
        data_dir = data_dir.expanduser().absolute()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        socket_dir = _socket_dir(data_dir)
        socket_dir.mkdir(mode=0o700, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise EmbeddedUnavailable(
            f"the data folder {data_dir} cannot be made or read ({error}). Point LEENPAD_DATA_DIR at a folder "
            "you may write, or LEENPAD_DATABASE_URL at a PostgreSQL server."
        ) from error
    _refuse_shared(socket_dir)
    return Places(
        data_dir=data_dir,
        cluster=data_dir / "cluster",
        socket_dir=socket_dir,
        log=data_dir / "server.log",
        users_lock=data_dir / "users.lock",
        server_lock=data_dir / "server.lock",
    )


def _socket_dir(data_dir: Path) -> Path:
    """Return the socket folder: in the data folder, or a short one in the temporary folder if that is too long."""
    inside = data_dir / "socket"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_MAX_BYTES:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"leenpad-{name}"


def _refuse_shared(folder: Path) -> None:
    """Raise EmbeddedUnavailable unless only we can enter `folder`: whoever reaches the socket is let in."""
    found = folder.lstat()
    ours = os.geteuid() in (0, found.st_uid)
    if not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077 or not ours:
        raise EmbeddedUnavailable(f"{folder} must be a folder of yours that only you can enter (mode 0700)")


def open_own(path: Path) -> int:
    """Open a lock or log file, made where it is not there yet, and return its descriptor (not inherited by children).

    Made by root in another user's folder, it becomes that user's, who could not open it otherwise.
    Raises EmbeddedUnavailable when it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedUnavailable(
            f"{path} cannot be opened ({error}): does the data folder belong to you?"
        ) from error
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock (fcntl.LOCK_SH or LOCK_EX) if that is possible at once, and say whether it was."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def tail(log: Path) -> str:
    """Return the last lines of the server's log, or nothing when there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_TAIL_LINES:])
